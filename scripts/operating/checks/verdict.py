"""What a check says of one thing."""

from typing import NamedTuple


class Verdict(NamedTuple):
    #: What was looked at, in words that are true when all is well.
    what: str
    #: Where it stands in the source: see `source.Source.line`.
    path: tuple
    #: What is wrong and what to do about it; None where all is well.
    problem: str | None


def fault(path, problem):
    """The verdict on something that should not be there at all."""
    return Verdict(problem, tuple(path), problem)


def hold(what, path, good, problem):
    """The verdict that `what` is so, where `good`; else `problem`."""
    return Verdict(what, tuple(path), None if good else problem)
