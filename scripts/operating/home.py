"""The state folder (`CODEX_HOME` of the daemon, `.codex-api/` here): where it is, whose it is, and whether a daemon has it."""

import errno
import fcntl
import os
from pathlib import Path

from .cli import ROOT, USAGE, Failure
from .evidence import stamp

#: The worker's user and group in its container.
USER, GROUP = 10001, 10000
#: What a daemon locks as long as it lives, with its pid in it (worker-daemon/src/home.rs).
LOCK = "worker.lock"
#: What the folder, and a file in it, is made with.
FOLDER_MODE, FILE_MODE = 0o700, 0o600


def folder(named, settings):
    """The state folder: the one that was named, else what Compose mounts. A link is followed once, here."""
    if named:
        path = Path(named)
    elif (mounted := settings.get("CODEX_HOME_DIR")) is not None:
        # Compose takes it as relative to the folder of its file.
        path = ROOT / "compose" / Path(mounted).expanduser()
    else:
        path = ROOT / ".codex-api"
    return Path(os.path.realpath(path))


def owner(text):
    """`UID:GID` of a command line, as numbers."""
    uid, colon, gid = text.partition(":")
    if not colon or not all(part.isascii() and part.isdigit() and int(part) < 2**32 - 1 for part in (uid, gid)):
        raise Failure(f"--owner is UID:GID in numbers, such as {USER}:{GROUP}, and CODEX_UID a number", USAGE)
    return int(uid), int(gid)


def allow(wanted, what):
    """Refuses an owner that only root could give."""
    if os.geteuid() != 0 and wanted[0] != os.geteuid():
        raise Failure(f"{what} would belong to uid {wanted[0]}: run this as root, or name your own user with --owner", USAGE)


def own(descriptor, wanted):
    """Gives what is open to its owner, where that is another."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != wanted:
        os.fchown(descriptor, *wanted)


def sync_folder(path):
    """Has the names in a folder outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unused(path):
    """This path, or the first of it with a number that is not there: two runs within a second."""
    others = (path.with_name(f"{path.name}-{number}") for number in range(2, 1000))
    return path if not os.path.lexists(path) else next(other for other in others if not os.path.lexists(other))


def before(path):
    """Where what a run replaces is kept."""
    return unused(path.with_name(f"{path.name}.before-{stamp()}"))


class Serves(Failure):
    """A daemon has the folder."""


class Unused:
    """The lock of a state folder, held so that no daemon starts on it meanwhile.

    A folder that no daemon ever had has none; none is made, for a daemon of another user could not open it.
    """

    def __init__(self, home):
        self.home = home
        self.descriptor = None

    def __enter__(self):
        path = self.home / LOCK
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return self
        except OSError as error:
            raise Failure(f"{path} can't be opened: {error.strerror}; run this as root or as the folder's owner") from error
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.read(self.descriptor, 32).decode("ascii", "replace").strip()
            self.__exit__()
            if error.errno != errno.EWOULDBLOCK:
                raise Failure(f"{path} can't be locked: {error.strerror}") from error
            who = f"the daemon with pid {pid} (in a container, the pid there)" if pid.isdigit() else "a daemon"
            raise Serves(f"{who} serves {self.home}; stop it first (docker compose down, systemctl stop)") from error
        return self

    def __exit__(self, *_error):
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
