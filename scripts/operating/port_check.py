"""The playbook's port:check: holds the production compose file to what must stay true of it, before it is deployed."""

import os
import shlex
from pathlib import Path

from . import programs
from .checks import confinement, dev, engine, labels, literals, middlewares, reach, routers, state
from .checks.render import PLACEHOLDER, command, render
from .checks.report import FILES, Report
from .checks.secrets import Cleaner, named, of
from .checks.source import Source
from .checks.stack import FRONT, WORKER, Stack
from .checks.verdict import fault
from .cli import FAILED, GOOD, MISSING, ROOT, USAGE, Failure, Settings, dotenv, parser, say
from .evidence import RESULTS, Evidence
from .stack import PROD

HELP = """Holds the production compose file to what must stay true of it, and tells everything that isn't, each with its line.

What is judged is what `docker compose config` renders. Besides, `scripts/port-sync-config --dry-run` is asked what it would
copy, the engine whether the network `traefik` exists, and the front, where its container is up, how it is. What was seen goes
to a dated folder below test-results/: docker-compose.config.yaml (without secrets), labels.txt, next.md, summary.json.
"""
#: What is held, in this order; what each holds is the documentation of its `check`.
PARTS = {
    "labels": labels,
    "routers": routers,
    "middlewares": middlewares,
    "reach": reach,
    "state": state,
    "confinement": confinement,
    "literals": literals,
}
SYNC = ROOT / "scripts/port-sync-config"
#: Reading a folder and comparing two files.
SYNC_LIMIT = 60


def options(arguments):
    reads = parser(HELP)
    reads.add_argument("--file", type=Path, default=PROD, help="the compose file (compose/docker-compose.yml)")
    reads.add_argument("--env-file", type=Path, help="the variables of the deployment (.env, where that is there)")
    reads.add_argument("--out", type=Path, help="the folder for what was seen (test-results/port-<time>)")
    reads.add_argument("--no-sync", action="store_true", help="leave scripts/port-sync-config out")
    reads.add_argument("--no-engine", action="store_true", help="leave the engine and the front out")
    reads.add_argument("--health", default=engine.HEALTH, metavar="URL", help="where the front is asked (%(default)s)")
    reads.add_argument("--dry-run", action="store_true", help="say what would be done; run nothing, write nothing")
    chosen = reads.parse_args(arguments)
    if not chosen.health.startswith("http://"):
        reads.error("--health takes an http:// URL")
    # The default may be named, too, and be missing nevertheless.
    if chosen.env_file in (None, ROOT / ".env"):
        # The second is where Compose itself looks first.
        places = (ROOT / ".env", chosen.file.parent / ".env")
        chosen.env_file = next((place for place in places if place.is_file()), None)
    return chosen


def main(arguments):
    chosen = options(arguments)
    for file in filter(None, (chosen.file, chosen.env_file)):
        if not file.is_file():
            raise Failure(f"there is no file {file}", MISSING)
    settings = Settings(chosen.env_file or os.devnull)
    words = programs.compose()
    source = Source(_shown(chosen.file), _text(chosen.file))
    if chosen.dry_run:
        return dry_run(chosen, words)
    values = {**dotenv(settings.file), **os.environ}
    secrets = [value for name, value in values.items() if named(name)]
    domain = None if settings.get("DOMAIN") else PLACEHOLDER
    missing = {"DOMAIN": domain} if domain else {}
    rendered = render(command(words, chosen.file, chosen.env_file), source, missing, Cleaner(secrets).text)
    stack, cleaner = Stack(rendered, source, settings), Cleaner([*secrets, *of(rendered)])
    report = Report(Evidence("port", chosen.out), source, cleaner.text)
    if domain:
        report.tell(f"DOMAIN is not set: {domain} stands in its place")
    judge(stack, report)
    compare(stack, chosen, words, missing, report)
    if not chosen.no_sync:
        sync(stack, report)
    if not chosen.no_engine:
        look(stack, chosen.health, report)
    report.write(cleaner.tree(rendered), deployment(chosen, words), domain)
    return FAILED if report.evidence.failed else GOOD


def deployment(chosen, words):
    """The words that start Compose with these files, for who deploys."""
    files = ["--env-file", _shown(chosen.env_file)] if chosen.env_file else []
    return shlex.join([*words, *files, "--file", _shown(chosen.file)])


def dry_run(chosen, words):
    say(f"would render: {shlex.join(map(str, command(words, chosen.file, chosen.env_file)))} config --format json")
    for name, part in PARTS.items():
        say(f"would hold ({name}): {' '.join(part.check.__doc__.split())}")
    if (chosen.file.parent / dev.FILE).is_file():
        say(f"would compare ({dev.FILE}): {' '.join(dev.check.__doc__.split())}")
    if not chosen.no_sync:
        say("would ask: scripts/port-sync-config --dry-run")
    if not chosen.no_engine:
        say(f"would ask: docker network inspect {reach.TRAEFIK}; {chosen.health}, where the front's container is up")
    say(f"would write: {', '.join(FILES)} to {chosen.out or f'{_shown(RESULTS)}/port-<time>'}")
    return GOOD


def _shown(path):
    """A path as it is shortest to say: from the root of the repository, where it is in there."""
    path = Path(path).resolve()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _text(file):
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} can't be read: {error.strerror}", MISSING) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Failure(f"{_shown(file)}:{line}: no YAML: it is not UTF-8", USAGE) from error


def judge(stack, report):
    missing = [name for name in (WORKER, FRONT) if name not in stack.services]
    for name in missing:
        report.verdict("services", fault(("services",), f"the service {name} is missing: the pair is {WORKER} and {FRONT}"))
    # Without one of the two there is little to judge.
    for name, part in PARTS.items() if not missing else ():
        for verdict in part.check(stack):
            report.verdict(name, verdict)


def compare(stack, chosen, words, missing, report):
    """The dev stack beside the file, rendered with the same variables."""
    file = chosen.file.parent / dev.FILE
    if not file.is_file() or FRONT not in stack.services:
        return
    try:
        source = Source(_shown(file), _text(file))
        # It asks for a key, which says nothing of labels.
        variables = {"DEV_KEY": "none", **missing}
        rendered = render(command(words, file, chosen.env_file), source, variables, report.clean)
    except Failure as failure:
        report.check("dev", "the dev stack can be rendered", str(failure))
        return
    for verdict in dev.check(stack, Stack(rendered, source, stack.settings)):
        report.verdict("dev", verdict, source)


def sync(stack, report):
    """What the login's folder would be given, as the script itself says."""
    what = "the state's configuration can be copied"
    if not SYNC.is_file():
        return report.unseen(what, "scripts/port-sync-config is not there")
    folder = state.home(stack.worker) if WORKER in stack.services else None
    asked = programs.run([SYNC, "--dry-run", *(["--to", folder.source] if folder else [])], limit=SYNC_LIMIT)
    said = "; ".join(line.strip() for line in (asked.stdout + asked.stderr).splitlines() if line.strip())
    if asked.returncode == GOOD and said:
        report.tell(f"port-sync-config: {said}")
    wrong = asked.returncode != GOOD
    return report.check(
        "sync", what, f"scripts/port-sync-config --dry-run ended with {asked.returncode}: {said}" if wrong else None
    )


def look(stack, health, report):
    for seen in engine.look(stack.rendered.get("name", ""), health):
        if seen.unseen:
            report.unseen(seen.what, seen.unseen)
        elif seen.problem and seen.what == engine.FRONT:
            # What runs is not well: that is no reason against deploying what mends it.
            report.tell(f"note: {seen.problem}")
        else:
            report.check("engine", seen.what, seen.problem)
