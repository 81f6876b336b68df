"""`scripts/scaling`: its command line."""

from pathlib import Path

from ..cli import GOOD, parser, say
from . import balance, measure, measure_keys, model, report

WORDS = """Without an option it prints what docs/scaling.md has. Costs of one stream are in scripts/operating/scaling/units.toml."""


def main(arguments=None):
    options = options_of(arguments)
    if options.what == "measure":
        for keys in options.keys:
            measure_keys.main(options.bin / "http-front", keys, options.requests)
        measure.main(options)
        return GOOD
    if options.what == "balance":
        say(report.balances(options.loads, options.workers, options.turns, options.runs))
        return GOOD
    given = model.units(options.units)
    for name, value in options.set:
        given = model.changed(given, name, value)
    say(report.limits(given))
    say(report.growth(given, options.streams))
    return GOOD


def options_of(arguments):
    words = parser(__doc__.strip(), WORDS)
    words.set_defaults(what="growth", units=model.UNITS, set=[], streams=report.STREAMS)
    kinds = words.add_subparsers(dest="what")
    growth = kinds.add_parser("growth", help="what a number of open streams takes, and which bound is met first")
    growth.add_argument("--streams", type=counts, default=report.STREAMS, help="numbers of open streams, apart by commas")
    growth.add_argument("--units", type=Path, default=model.UNITS, help="another file of costs")
    growth.add_argument("--set", type=setting, action="append", default=[], help="one value of it: load.seconds=60")
    simulated = kinds.add_parser("balance", help="simulates turns on several workers; all of it takes minutes")
    simulated.add_argument("--loads", type=loads, default=report.LOADS, help="parts of all places that are asked for: 0.8,0.9")
    simulated.add_argument("--workers", type=counts, default=report.WORKERS, help="numbers of workers, apart by commas")
    simulated.add_argument("--turns", type=count, default=balance.TURNS, help="turns that each run counts")
    simulated.add_argument("--runs", type=count, default=balance.RUNS, help="runs of each case")
    taken = kinds.add_parser("measure", help="measures the costs of a stream on this machine")
    taken.add_argument("--bin", type=place, required=True, help="the folder with worker-daemon and http-front")
    taken.add_argument("--codex", type=place, required=True, help="codex's native program")
    taken.add_argument("--upstream", type=place, required=True, help="scripted-upstream of the tests")
    taken.add_argument("--streams", type=counts, default=(100,), help="numbers of open streams, apart by commas")
    taken.add_argument("--keys", type=counts, default=(1, 4096), help="numbers of keys, apart by commas")
    taken.add_argument("--requests", type=count, default=30_000, help="requests of which each number of keys is measured")
    taken.add_argument("--deltas", type=count, default=100, help="frames of a stream; a second round has twice as many")
    taken.add_argument("--pause", type=count, default=100, help="milliseconds between them")
    options = words.parse_args(arguments)
    if options.what is None:
        options.what = "growth"
    return options


def counts(text):
    numbers = tuple(int(part) for part in text.split(","))
    if not all(0 < number <= 10_000_000 for number in numbers):
        raise ValueError(text)
    return numbers


def count(text):
    (number,) = counts(text)
    return number


def loads(text):
    parts = tuple(float(part) for part in text.split(","))
    if not all(0 < part < 1 for part in parts):
        raise ValueError(text)
    return parts


def setting(text):
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(text)
    return name, float(value)


def place(text):
    """A path from here: programs are started in a folder of their own."""
    return Path(text).resolve()
