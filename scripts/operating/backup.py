"""`scripts/backup`: keeps the state folder as one file, also while a daemon serves from it."""

import os
import re
import tempfile
from pathlib import Path

from . import archive, home, state
from .cli import FAILED, GOOD, MISSING, ROOT, USAGE, Failure, Settings, parser, say
from .evidence import Evidence, stamp

NAME = "codex-api"
#: What --keep counts and removes.
OWN = re.compile(rf"{NAME}-\d{{8}}T\d{{6}}Z(-\d+)?\.tar\.gz")

ABOUT = """Keeps the state folder (.codex-api/) as backups/codex-api-TIME.tar.gz, mode 0600, with its SHA-256 beside it, and
reads it again to see that it is whole. The daemon may run meanwhile. There is no database of the gateway's own: with this,
.env and the file of keys, a service is what it was.

THE ARCHIVE HOLDS THE LOGIN (auth.json), because without it nothing can be served: keep it like a password, or leave the
login out with --without-login.
"""
MORE = f"""Left out, because it is made again, or means nothing elsewhere:
  {', '.join(sorted(state.LEFT_OUT))},
  links, sockets and pipes, and {state.TRACES} (prompts and answers of clients) unless --with-traces.
SQLite's databases (*.sqlite) are copied by SQLite itself, with what is still in their write-ahead log. A file that changes
while it is read is read again, {state.TRIES} times in all; if it never stands still, no archive is written (exit code 1).

Needs to read the folder: run it as root or as the folder's owner. Environment, or .env: CODEX_HOME_DIR (the folder; in
Compose relative to compose/). Evidence: test-results/backup-TIME/summary.json. `scripts/restore` puts the archive back.
"""


def main(arguments):
    options = read_options(arguments)
    source = home.folder(options.source, Settings(options.env_file))
    target = Path(os.path.realpath(options.target))
    if not os.path.isdir(source):
        raise Failure(f"there is no state folder {source}", MISSING)
    if target == source or source in target.parents:
        raise Failure(f"{target} is inside of the state folder itself; choose another with --to", USAGE)
    evidence = Evidence("backup", options.out, keep=not options.dry_run)
    made = None
    try:
        made = look(source, options) if options.dry_run else keep(source, target, options, evidence)
    except OSError as error:
        raise Failure(f"{named(error)}{error.strerror or error}; run this as root or as the folder's owner") from error
    finally:
        # Anything that ended this was told; what the summary says of it is that there is no archive.
        evidence.check("archive", None if made else "none was written")
        evidence.close(**{"from": str(source)}, **(made or {}))
    return GOOD if made else FAILED


def named(error):
    return f"{state.shown(str(error.filename))}: " if error.filename else ""


def read_options(arguments):
    line = parser(ABOUT, MORE)
    line.add_argument("--from", dest="source", metavar="DIR", help="the state folder (default CODEX_HOME_DIR, else .codex-api)")
    line.add_argument("--to", dest="target", default=ROOT / "backups", metavar="DIR", help="where archives are (default backups)")
    line.add_argument("--keep", type=count, metavar="N", help="afterwards remove all but the N newest archives there")
    line.add_argument("--without-login", action="store_true", help="leave auth.json out")
    line.add_argument("--with-traces", action="store_true", help="keep the trace buffer, too")
    line.add_argument("--env-file", default=ROOT / ".env", metavar="FILE", help="where settings are (default .env)")
    line.add_argument("--out", metavar="DIR", help="evidence (default test-results/backup-TIME)")
    line.add_argument("--dry-run", action="store_true", help="say what would be kept, write nothing")
    return line.parse_args(arguments)


def count(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def look(source, options):
    """Says what would be kept; nothing is read but names."""
    entries, left = [], {}
    for entry, why, _ in state.walk(source, not options.without_login, options.with_traces):
        sort(entry, why, entries, left)
    tell(entries, left, options)
    if options.keep:
        say(f"all but the {options.keep} newest archives would be removed")
    say("nothing was kept: this is a dry run")
    return {"files": len(entries)}


def sort(entry, why, entries, left):
    if why == state.LINK and entry.name in state.ESSENTIAL:
        raise Failure(f"{entry.name} is a link, and a backup would not hold what it leads to; put the file itself there")
    if why:
        left[entry.name] = why
    else:
        entries.append(entry)


def keep(source, target, options, evidence):
    """Copies, packs, reads again, and only then gives the archive its name."""
    open_folder(target)
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=target) as staging:
        entries, left, copies = copy(source, Path(staging), options)
        more = {
            "made": stamp(),
            "login": any(entry.name == state.LOGIN for entry in entries),
            "traces": options.with_traces,
            "left_out": left,
        }
        packed = Path(staging) / "packed"
        archive.write(packed, entries, copies, more)
        archive.read(packed)
        path = finish(packed, target)
    tell(entries, left, options)
    say(f"kept: {path} ({path.stat().st_size} bytes, read again and whole)")
    if more["login"]:
        say("it holds the login (auth.json): keep it like a password")
    removed = remove(target, options.keep) if options.keep else []
    size, digest = path.stat().st_size, archive.sidecar(path).read_text().split()[0]
    files = sum(entry.type == state.FILE for entry in entries)
    return {
        "archive": str(path),
        "sha256": digest,
        "bytes": size,
        "files": files,
        "login": more["login"],
        "left_out": left,
        "removed": removed,
    }


def open_folder(target):
    """Makes the folder of the archives, or sees that nobody else can change what is in it."""
    target.mkdir(mode=home.FOLDER_MODE, parents=True, exist_ok=True)
    meta = target.stat()
    if meta.st_mode & 0o022:
        raise Failure(f"others can write to {target}; choose a folder of your own with --to, or `chmod 700` it")


def copy(source, staging, options):
    entries, left, copies = [], {}, {}
    for entry, why, descriptor in state.walk(source, not options.without_login, options.with_traces):
        if not why and entry.type == state.FILE:
            copied = staging / str(len(copies))
            if not state.copy(entry, descriptor, copied):
                continue
            copies[entry.name] = copied
        sort(entry, why, entries, left)
    return entries, left, copies


def finish(packed, target):
    """Gives the archive its name. The digest comes first, and claims that: a whole archive is never without."""
    for number in range(1, 1000):
        path = target / f"{NAME}-{stamp()}{f'-{number}' if number > 1 else ''}.tar.gz"
        if path.exists():
            continue
        try:
            beside = os.open(archive.sidecar(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, home.FILE_MODE)
        except FileExistsError:
            continue
        break
    with open(beside, "w") as file:
        file.write(f"{state.digest(packed)}  {path.name}\n")
        file.flush()
        os.fsync(file.fileno())
    packed.rename(path)
    home.sync_folder(target)
    return path


def tell(entries, left, options):
    files = [entry for entry in entries if entry.type == state.FILE]
    for entry in files:
        say(f"  {state.shown(entry.name)} ({entry.size} bytes)")
    for name, why in left.items():
        say(f"  left out: {state.shown(name)} ({why})")
    if not any(entry.name == state.LOGIN for entry in entries):
        said = "left out, as you asked" if options.without_login else "there is none"
        say(f"  no login ({state.LOGIN}): {said}")


def remove(target, number):
    """Removes all but the newest archives of our own name."""
    own = sorted((path for path in target.iterdir() if OWN.fullmatch(path.name) and path.is_file()), key=age)
    removed = own[:-number]
    for path in removed:
        path.unlink()
        archive.sidecar(path).unlink(missing_ok=True)
        say(f"removed: {path}")
    return [path.name for path in removed]


def age(path):
    """By the time in the name, and its number."""
    time, _, number = path.name.removeprefix(f"{NAME}-").removesuffix(".tar.gz").partition("-")
    return time, int(number or 1)
