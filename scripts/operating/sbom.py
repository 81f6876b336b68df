"""The command: makes the bills of materials of what ships, or compares those that are there with what is locked."""

from pathlib import Path

from .bills import crates, cyclonedx, npm
from .bills.differences import differences
from .cli import FAILED, GOOD, ROOT, USAGE, Failure, parser, say
from .evidence import Evidence

FOLDER = ROOT / "compose/sbom"
SUFFIX = ".cdx.json"

HELP = """Writes a bill of materials (CycloneDX 1.6, JSON) for each thing that ships: our three binaries, from Cargo.lock as cargo
resolves it for Linux on both processors, and codex, from scripts/codex/package-lock.json. The same locks give the same bytes.
What is compiled but not linked (build scripts, macros) has the scope `excluded`; what only tests need is not there.

It needs cargo, and no network once cargo has the crates. Run it on Linux: build scripts need other crates elsewhere.
"""


def options(arguments):
    reads = parser(HELP)
    reads.add_argument("--check", action="store_true", help="write no bill; fail where one differs, and say in what")
    reads.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="where they are (default: compose/sbom)")
    reads.add_argument("--dry-run", action="store_true", help="write nothing at all; say what would be written or is wrong")
    return reads.parse_args(arguments)


def there(path):
    """The text of a bill as it is on disk; None where there is none."""
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure(f"{path} can't be read: {error}") from error


def problems(path, wanted):
    """What is wrong with the file that should have this content (None: that should not be)."""
    text = there(path)
    if wanted is None:
        return ["nothing of this name ships: remove it"]
    return ["it is not there"] if text is None else differences(text, wanted)


def write(path, text):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise Failure(f"{path} can't be written: {error}") from error


def main(arguments):
    wants = options(arguments)
    if wants.out.exists() and not wants.out.is_dir():
        raise Failure(f"{wants.out} is no folder", USAGE)
    made = {f"{bill.name}{SUFFIX}": cyclonedx.write(bill) for bill in (*npm.bills(), *crates.bills())}
    others = {path.name: None for path in sorted(wants.out.glob(f"*{SUFFIX}")) if path.name not in made}
    evidence = Evidence("sbom", keep=not wants.dry_run)
    wrong = 0
    for name, text in {**made, **others}.items():
        path = wants.out / name
        found = problems(path, text)
        if wants.check or text is None:
            wrong += bool(found)
            evidence.check(name, "; ".join(found) or None)
            say(f"{path}: {'as it should be' if not found else 'DIFFERS'}")
            for line in found:
                say(f"  {line}")
        elif not found:
            evidence.check(name, written=False)
            say(f"{path}: as it was")
        else:
            if not wants.dry_run:
                write(path, text)
            evidence.check(name, written=not wants.dry_run)
            say(f"{path}: {'would be written' if wants.dry_run else 'written'}")
    if evidence.keep:
        say(f"evidence: {evidence.close().parent}")
    if wrong and wants.check:
        say("`scripts/sbom` writes them anew; look at the difference")
    return FAILED if wrong else GOOD
