"""`scripts/port-sync-config`: copies the configuration that was tried in development to the state folder of production."""

import difflib
import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from . import codex_config, home
from .cli import FAILED, GOOD, ROOT, USAGE, Failure, Settings, parser, say
from .evidence import Evidence

#: These and no others: above all not `auth.json`.
CONFIG, AGENTS = NAMES = ("config.toml", "AGENTS.md")
#: Bytes. Neither is more than a few kilobytes.
MOST = 1 << 20
#: What becomes of a file.
MAKE, REPLACE, SAME = "made", "replaced", "unchanged"

ABOUT = """Copies .codev/config.toml and .codev/AGENTS.md to the state folder of production (.codex-api/), and nothing else: no
auth.json, no key. All checks come before the first write; where one fails, nothing is copied.
"""
MORE = """A file that is there and differs is left as it is (exit code 1); --force replaces it and keeps the old one as
NAME.before-TIME. What is refused:

  - a config.toml that is no TOML, or holds a secret (the key's path is named, never its value)
  - one whose model_provider is on this machine, not https, or the scripted upstream of a test (--allow-provider)
  - an AGENTS.md with something in it: codex puts it before every client's request, and the daemon doesn't start with one
    (docs/decisions/0023-no-instructions-in-the-home.md); an operator's prompt is set by CODEX__SYSTEM_PROMPT_FILE
    (docs/system-prompt.md)
  - links, folders and files of more than 1 MiB in the place of a file

Files have mode 0600 and the owner of the folder they are in. codex reads config.toml when it starts: start the worker
anew after a change. Environment, or .env: CODEX_HOME_DIR (the folder; in Compose relative to compose/), CODEX_UID.
Evidence: test-results/sync-TIME/summary.json.
"""


def main(arguments):
    options = read_options(arguments)
    settings = Settings(options.env_file)
    source, target = Path(os.path.realpath(options.source)), home.folder(options.target, settings)
    if source == target:
        raise Failure(f"--from and --to are the same folder, {source}", USAGE)
    wanted = new_owner(options, settings, target)
    evidence = Evidence("sync", options.out, keep=not options.dry_run)
    plans = [plan for name in NAMES if (plan := Plan.of(name, source, target, options)) is not None]
    try:
        return carry_out(plans, source, target, options, wanted, evidence)
    except OSError as error:
        evidence.check(str(target), "can't be written")
        raise Failure(f"{target} can't be written: {error.strerror or error}") from error
    finally:
        evidence.close(**{"from": str(source), "to": str(target)}, files=[plan.told() for plan in plans])


def carry_out(plans, source, target, options, wanted, evidence):
    """All checks, then all that is to be done."""
    if not plans:
        say(f"nothing to copy: {source} has neither {CONFIG} nor {AGENTS}")
        return GOOD
    for plan in plans:
        evidence.check(plan.name, "; ".join(plan.problems) or None)
        tell(plan, options)
    if all(plan.action == SAME for plan in plans) and not evidence.failed:
        return GOOD
    if not evidence.check(str(target), closed := obstacle(target)):
        say(f"{target}: {closed}")
    if evidence.failed:
        say("nothing was copied")
        return FAILED
    if options.dry_run:
        say("nothing was copied: this is a dry run")
        return GOOD
    copy(plans, target, wanted)
    say(f"{target} is up to date; start the worker anew, so that codex reads it")
    return GOOD


def read_options(arguments):
    line = parser(ABOUT, MORE)
    line.add_argument("--from", dest="source", default=ROOT / ".codev", metavar="DIR", help="where to copy from (default .codev)")
    line.add_argument("--to", dest="target", metavar="DIR", help="where to (default CODEX_HOME_DIR, else .codex-api)")
    line.add_argument("--force", action="store_true", help="replace a file that differs, and keep the old one")
    line.add_argument("--allow-provider", action="store_true", help="copy a model_provider of whatever address")
    line.add_argument("--owner", metavar="UID:GID", help="of what is made (default: the folder's own; of a new one 10001:10000)")
    line.add_argument("--env-file", default=ROOT / ".env", metavar="FILE", help="where settings are (default .env)")
    line.add_argument("--out", metavar="DIR", help="evidence (default test-results/sync-TIME)")
    line.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    return line.parse_args(arguments)


def new_owner(options, settings, target):
    """Whom the files will belong to. Only root can give them to somebody else."""
    if options.owner:
        wanted = home.owner(options.owner)
        home.allow(wanted, str(target))
        return wanted
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    if os.path.exists(target):
        meta = target.stat()
        return meta.st_uid, meta.st_gid
    return home.owner(f"{settings.get('CODEX_UID', default=home.USER)}:{home.GROUP}")


class Plan:
    """What is to become of one file, and what stands in the way."""

    def __init__(self, name, data, present, target):
        self.name, self.data, self.present, self.path = name, data, present, target / name
        self.action = MAKE if present is None else SAME if present == data else REPLACE
        self.problems = []
        self.done, self.kept = False, None

    @classmethod
    def of(cls, name, source, target, options):
        """None where there is nothing to copy."""
        try:
            data = read(source / name)
            plan = None if data is None else cls(name, data, read(target / name), target)
        except Failure as failure:
            plan = cls(name, b"", None, target)
            plan.problems.append(str(failure))
            return plan
        if plan is None:
            return None
        if name == CONFIG:
            plan.problems += codex_config.problems(data, options.allow_provider)
        elif data.decode(errors="replace").strip():
            plan.problems.append(
                "has something in it, and codex would put that before every client's request, so the daemon doesn't start;"
                " empty it, and set an operator's prompt by CODEX__SYSTEM_PROMPT_FILE (docs/system-prompt.md)"
            )
        if plan.action == REPLACE and not options.force:
            plan.problems.append(f"differs from {plan.path} ({difference(plan.present, data)}); --force replaces that")
        return plan

    def told(self):
        """For the summary. Names and digests only."""
        before = None if self.present is None else digest(self.present)
        action = self.action if self.done or self.action == SAME else "none"
        after = digest(self.data) if self.done else before
        kept = self.kept.name if self.kept else None
        return {"name": self.name, "action": action, "sha256_before": before, "sha256_after": after, "kept_as": kept}


def tell(plan, options):
    for problem in plan.problems:
        say(f"{plan.name}: {problem}")
    if not plan.problems:
        say(f"{plan.name}: {'would be ' if options.dry_run and plan.action != SAME else ''}{plan.action}")


def obstacle(target):
    """Why nothing can be written there, or None."""
    if os.path.exists(target):
        if not os.path.isdir(target):
            return "is no folder"
        return None if os.access(target, os.W_OK | os.X_OK) else "can't be written to: run this as root or as its owner"
    if not os.path.isdir(target.parent):
        return f"can't be made: there is no folder {target.parent}"
    return None if os.access(target.parent, os.W_OK | os.X_OK) else "can't be made: run this as root"


def read(path):
    """The bytes of a file, or None where there is none. What is no file of its own is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise Failure(f"{path.parent} is no folder") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Failure(f"{path} is a link; put the file itself there") from error
        raise Failure(f"{path} can't be read: {error.strerror}; run this as root or as the folder's owner") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Failure(f"{path} is no file")
    with open(descriptor, "rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise Failure(f"{path} has more than {MOST} bytes")
    return data


def digest(data):
    return hashlib.sha256(data).hexdigest()


def difference(old, new):
    """How much differs. The lines themselves may hold a secret."""
    lines = list(difflib.unified_diff(*(data.decode(errors="replace").splitlines(True) for data in (old, new)), n=0))[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"lines: {added} added, {removed} removed"


def copy(plans, target, wanted):
    """Writes all files beside their places first, then puts each into its own."""
    make_folder(target, wanted)
    written = {}
    try:
        for plan in plans:
            if plan.action != SAME:
                written[plan] = write(plan.data, target, plan.name, wanted)
        for plan in list(written):
            if plan.action == REPLACE:
                plan.kept = keep(plan.path)
            written[plan].rename(plan.path)
            plan.done = True
            del written[plan]
    finally:
        for left in written.values():
            left.unlink(missing_ok=True)
    home.sync_folder(target)


def make_folder(target, wanted):
    try:
        target.mkdir(mode=home.FOLDER_MODE)
    except FileExistsError:
        return
    descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, home.FOLDER_MODE)
        home.own(descriptor, wanted)
    finally:
        os.close(descriptor)


def write(data, target, name, wanted):
    """A file beside its place, whole and on the disk."""
    # Its mode is 0600.
    descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=target)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            home.own(descriptor, wanted)
            os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise
    return Path(path)


def keep(path):
    """Gives the present file a second name, under which it stays when another takes its place."""
    kept = home.before(path)
    os.link(path, kept, follow_symlinks=False)
    descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, home.FILE_MODE)
    finally:
        os.close(descriptor)
    return kept
