"""A check, what can become of it, and how it is told. All of them run, whatever became of those before."""

import tarfile

from ..cli import Failure, say

OK, FAILED, NOT_CHECKED = "ok", "FAILED", "not checked"
#: A finding more is one to be mended, too, but nobody reads a thousand of them.
MOST_FINDINGS = 20


class Wrong(Exception):
    """What a check found, one line for each."""

    def __init__(self, *findings):
        super().__init__("\n".join(findings))
        self.findings = list(findings)


class NotChecked(Exception):
    """Why nobody can tell: a program, a folder or a platform is missing. It says what to do."""


def none(findings):
    """Fails where there is a finding."""
    findings = list(findings)
    if findings:
        raise Wrong(*findings)


class Check:
    def __init__(self, name, ask, *arguments):
        """`ask(*arguments)` gives what it saw, in few words; or it raises `Wrong` or `NotChecked`."""
        self.name, self._ask, self._arguments = name, ask, arguments

    def outcome(self):
        """One of the three states, what was seen, and the findings."""
        try:
            return OK, self._ask(*self._arguments) or "", []
        except NotChecked as why:
            return NOT_CHECKED, str(why), []
        except Wrong as wrong:
            return FAILED, "", wrong.findings
        except (Failure, OSError, ValueError, LookupError, TypeError, AttributeError, tarfile.TarError) as error:
            # What is looked at comes from outside: a JSON of another shape fails its check and no other.
            return FAILED, "", [f"can't be checked: {type(error).__name__}: {error}"]

    def run(self, evidence):
        state, seen, findings = self.outcome()
        say(f"{state:<11}  {self.name}{f': {seen}' if seen else ''}")
        for finding in findings[:MOST_FINDINGS]:
            say(f"{'':<11}  - {finding}")
        if len(findings) > MOST_FINDINGS:
            say(f"{'':<11}  - and {len(findings) - MOST_FINDINGS} more, in the evidence")
        evidence.check(self.name, "\n".join(findings) or None, state=state, seen=seen)
        return state
