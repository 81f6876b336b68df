"""`scripts/restore`: puts a kept state in the place of the present one, or leaves that as it is."""

import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from . import archive, home, state
from .cli import FAILED, GOOD, MISSING, ROOT, Failure, Settings, parser, say
from .evidence import Evidence

ABOUT = """Puts a backup (scripts/backup) in the place of the state folder (.codex-api/). The old folder stays beside it as
.codex-api.before-TIME, with its login: delete it once all is well.

Stop the stack first (`docker compose -f compose/docker-compose.yml down`, or the units of systemd): a container holds the
folder that it was started with, whatever has that name now. A folder that a daemon serves from is refused. Start it again
afterwards.
"""
MORE = """The archive is checked against the SHA-256 beside it, and each file against the manifest in it, before anything is
changed: names that lead elsewhere, links, devices and files that the manifest doesn't name are refused. It is unpacked
beside the state folder; two renames then put it there. A failure at any point leaves the old folder in its place; only if
the machine itself ends between the two renames, the old one must be renamed back by hand.

Folders get mode 0700 and files 0600, with the owners of the manifest; to give them to others than yourself, run it as
root. An archive without a login keeps the present one. toggles.json is part of the state: maintenance that was on when
the backup was made is on again. Environment, or .env: CODEX_HOME_DIR (the folder; in Compose relative to compose/).
Evidence: test-results/restore-TIME/summary.json.
"""
#: What must not come between the two renames.
ENDS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def main(arguments):
    options = read_options(arguments)
    target = home.folder(options.target, Settings(options.env_file))
    owner = home.owner(options.owner) if options.owner else None
    if not os.path.isfile(options.file):
        raise Failure(f"there is no file {options.file}", MISSING)
    if os.path.exists(target) and not os.path.isdir(target):
        raise Failure(f"{target} is no folder")
    evidence = Evidence("restore", options.out, keep=not options.dry_run)
    done = {}
    try:
        with home.Unused(target) if not options.dry_run else _looked_at(target):
            done["sha256"] = archive.check_digest(options.file)
            (look if options.dry_run else put)(options, target, owner, done)
        evidence.check("state")
    except OSError as error:
        name = f"{state.shown(str(error.filename))}: " if error.filename else ""
        raise Failure(f"{name}{error.strerror or error}; run this as root or as the folder's owner") from error
    finally:
        if not evidence.summary["checks"]:
            # A signal that came between the renames ends this afterwards.
            evidence.check("state", None if "kept_as" in done else "the old one was left as it is")
        evidence.close(archive=str(options.file), to=str(target), **done)
    return FAILED if evidence.failed else GOOD


def read_options(arguments):
    line = parser(ABOUT, MORE)
    line.add_argument("file", type=Path, metavar="FILE", help="the archive, such as backups/codex-api-TIME.tar.gz")
    line.add_argument("--to", dest="target", metavar="DIR", help="the state folder (default CODEX_HOME_DIR, else .codex-api)")
    line.add_argument("--owner", metavar="UID:GID", help="of all that is made, in the place of the manifest's owners")
    line.add_argument("--without-login", action="store_true", help="keep the present auth.json")
    line.add_argument("--env-file", default=ROOT / ".env", metavar="FILE", help="where settings are (default .env)")
    line.add_argument("--out", metavar="DIR", help="evidence (default test-results/restore-TIME)")
    line.add_argument("--dry-run", action="store_true", help="check all, say what would change, write nothing")
    return line.parse_args(arguments)


@contextlib.contextmanager
def _looked_at(target):
    """A folder that is only looked at may be in use: who asks beforehand, as `scripts/rollback`, has yet to stop it."""
    try:
        with home.Unused(target):
            pass
    except home.Serves as serves:
        say(f"note: {serves}")
    yield


def look(options, target, owner, done):
    """Checks the archive as a restore would, and says what would change."""
    manifest, entries = archive.read(options.file)
    check_owners(entries, owner)
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise Failure(f"{target.parent} can't be written to; run this as root or as its owner")
    tell(manifest, entries, target, options)
    say("nothing was changed: this is a dry run")


def put(options, target, owner, done):
    """Unpacks beside the state folder, and swaps."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}.restoring-", dir=target.parent))
    try:
        sink = Fresh(fresh, owner, options.without_login)
        manifest, entries = archive.read(options.file, sink)
        login = "restored"
        if keeps_login(manifest, options):
            login = "kept" if keep_login(target, fresh, sink) else "none"
        sink.sync()
        tell(manifest, entries, target, options)
        old = swap(fresh, target, done)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    say(f"restored: {target}")
    if old:
        say(f"the old one is {old}, with its login: delete it once all is well")
    say("start the stack again, and look at /readyz")
    done.update(files=len(sink.files), login=login)


def check_owners(entries, owner):
    for wanted in {owner} if owner else {(entry.uid, entry.gid) for entry in entries}:
        home.allow(wanted, "what is restored")


def keeps_login(manifest, options):
    return options.without_login or not manifest.get("login")


class Fresh:
    """The folder that is to become the state. Nobody else can see into it."""

    def __init__(self, path, owner, without_login):
        self.path, self.owner, self.without_login = path, owner, without_login
        self.folders, self.files = [], []
        self.top = None

    def wanted(self, entry):
        owner = self.owner or (entry.uid, entry.gid)
        home.allow(owner, "what is restored")
        return owner

    def folder(self, entry):
        path = self.path / entry.name
        if entry.name == ".":
            self.top = self.wanted(entry)
        else:
            path.mkdir(mode=home.FOLDER_MODE)
        self.folders.append((path, self.wanted(entry)))

    @contextlib.contextmanager
    def file(self, entry):
        if entry.name == state.LOGIN and self.without_login:
            with open(os.devnull, "wb") as nowhere:
                yield nowhere
            return
        # What codex runs must stay a program.
        mode = home.FILE_MODE | (entry.mode & 0o100)
        path = self.path / entry.name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            home.own(file.fileno(), self.wanted(entry))
            os.utime(file.fileno(), (entry.mtime, entry.mtime))
            os.fsync(file.fileno())
        self.files.append(entry.name)

    def sync(self):
        """Gives the folders away, once all is in them, and has them outlive a power cut."""
        for path, wanted in reversed(self.folders):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                home.own(descriptor, wanted)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def keep_login(target, fresh, sink):
    """Copies the present login into the new folder. Gives whether there is one."""
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        meta = os.stat(state.LOGIN, dir_fd=descriptor, follow_symlinks=False)
        if why := state.unfit(meta):
            raise Failure(f"the present {state.LOGIN} is {why}, and can't be kept; put the file itself there")
        state.copy(state.Entry.of(state.LOGIN, meta), descriptor, fresh / state.LOGIN)
    except FileNotFoundError:
        return False
    finally:
        os.close(descriptor)
    with open(fresh / state.LOGIN, "rb") as file:
        home.own(file.fileno(), sink.top)
        os.fsync(file.fileno())
    return True


def tell(manifest, entries, target, options):
    """What the swap changes."""
    say(f"the backup was made {manifest.get('made')}")
    kept = keeps_login(manifest, options)
    wanted = {entry.name: entry for entry in entries if entry.type == state.FILE}
    present = {}
    if os.path.isdir(target):
        for entry, why, descriptor in state.walk(target, login=True, traces=True):
            if not why and entry.type == state.FILE:
                present[entry.name] = digest(entry, descriptor)
    if kept:
        wanted.pop(state.LOGIN, None)
        said = "the present one is kept" if present.pop(state.LOGIN, None) else "there is none: `codex login` makes one"
        say(f"  {state.LOGIN}: {said}")
    for name in sorted(wanted.keys() | present.keys()):
        if name not in present:
            said = "new"
        elif name not in wanted:
            said = "not in the backup"
        else:
            said = "the same" if wanted[name].sha256 == present[name] else "another"
        say(f"  {state.shown(name)}: {said}")


def digest(entry, descriptor):
    name = os.path.basename(entry.name)
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor), "rb") as file:
        return state.digest_of(file)


def swap(fresh, target, done):
    """Two renames, and back where the second fails. Gives where the old folder is, and notes that."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        old = None
        if os.path.exists(target):
            old = home.before(target)
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old:
                old.rename(target)
            raise
        done["kept_as"] = str(old) if old else None
        home.sync_folder(target.parent)
        return old
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
