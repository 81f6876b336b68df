"""What of the state folder is worth keeping, and copies of it that are whole while a daemon writes."""

import fnmatch
import hashlib
import json
import os
import sqlite3
import stat
import time
import urllib.parse
from contextlib import closing
from dataclasses import dataclass

from . import home
from .cli import Failure

LOGIN = "auth.json"
#: A backup in which one of these is only a link would be none.
ESSENTIAL = (LOGIN, "config.toml")
TRACES = "trace-buffer"
#: Made again by the daemon or codex, or of no use to anybody else. Patterns of names in the folder itself.
LEFT_OUT = {
    "*.lock": "a lock",
    "worker.sock": "a socket",
    "model-catalog": "the daemon makes it again",
    "worker-bin": "the daemon makes it again",
    "toggles.json.new": "half a file",
    "models_cache.json": "codex makes it again",
    "version.json": "codex makes it again",
    "shell_snapshots": "codex makes it again",
    "tmp": "codex's temporary files",
    ".tmp": "codex's temporary files",
    "log": "a log",
    "logs_*.sqlite": "a log",
}
DATABASE = ".sqlite"
#: What belongs to a database, and is in its copy.
BESIDE = tuple(f"{DATABASE}{end}" for end in ("-wal", "-shm", "-journal"))
HEADER = b"SQLite format 3\0"
FILE, FOLDER = "file", "folder"
LINK = "a link"
CHUNK = 1 << 20
#: A file that changes while it is read is read again, after a pause in seconds.
TRIES, PAUSE = 3, 0.05
#: Nanoseconds. The clock that files are dated by stands still for some milliseconds: a change right after another may not show.
TICK = 20_000_000
#: Seconds that a database may be locked by a writer.
LOCKED = 10


@dataclass
class Entry:
    """A file or a folder of the state. `name` is relative, the state folder itself is `.`."""

    name: str
    type: str
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int = 0
    sha256: str = ""

    @classmethod
    def of(cls, name, meta):
        kind = FILE if stat.S_ISREG(meta.st_mode) else FOLDER
        size = meta.st_size if kind == FILE else 0
        return cls(name, kind, stat.S_IMODE(meta.st_mode), meta.st_uid, meta.st_gid, int(meta.st_mtime), size)


class Changing(Exception):
    """A file is another now than when its reading began."""


def why_left_out(name, login, traces):
    """Why a name is not kept, or None."""
    if name == LOGIN and not login:
        return "--without-login"
    if name == TRACES and not traces:
        return "only with --with-traces"
    if "/" in name:
        return None
    return next((why for pattern, why in LEFT_OUT.items() if fnmatch.fnmatchcase(name, pattern)), None)


def walk(folder, login, traces):
    """Gives each name with its `Entry`, or with the reason why it is left out, and with the open folder that it is in.

    Folders are opened and not looked up by name again: whoever owns the state may not lead a reader that is root elsewhere.
    """

    def failed(error):
        # What has gone meanwhile, such as traces that have expired, is no part of the state any more.
        if not isinstance(error, FileNotFoundError):
            raise error

    for path, folders, files, descriptor in os.fwalk(folder, onerror=failed, follow_symlinks=False):
        inside = os.path.relpath(path, folder)
        if inside == ".":
            yield Entry.of(".", os.fstat(descriptor)), None, descriptor
        folders.sort()
        for name in sorted([*folders, *files]):
            full = name if inside == "." else f"{inside}/{name}"
            if name.endswith(BESIDE):
                continue
            try:
                meta = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
            why = why_left_out(full, login, traces) or unfit(meta)
            if why and name in folders:
                folders.remove(name)
            yield Entry.of(full, meta), why, descriptor


def unfit(meta):
    """Why what is no file and no folder is not kept, or None."""
    if stat.S_ISREG(meta.st_mode) or stat.S_ISDIR(meta.st_mode):
        return None
    return LINK if stat.S_ISLNK(meta.st_mode) else "no file"


def copy(entry, descriptor, path):
    """Copies a file of `walk` to `path`, and sets its size and digest. Gives False where it has gone meanwhile.

    A `Failure` where it never stood still.
    """
    gone = False
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        try:
            attempt_copy(entry, descriptor, path)
            return True
        except Changing:
            gone = False
        except FileNotFoundError:
            gone = True
    if gone:
        return False
    raise Failure(f"{shown(entry.name)} changed while it was read, {TRIES} times")


def attempt_copy(entry, descriptor, path):
    name = os.path.basename(entry.name)
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    if not stat.S_ISREG(os.fstat(source).st_mode):
        os.close(source)
        raise Changing
    with open(source, "rb") as file:
        database = entry.name.endswith(DATABASE) and file.read(len(HEADER)) == HEADER
        file.seek(0)
        if database:
            copy_database(entry.name, f"/proc/self/fd/{descriptor}/{name}", path)
        else:
            copy_bytes(file, path)
    entry.size, entry.sha256 = path.stat().st_size, digest(path)
    if entry.name == LOGIN:
        check_login(path)


def copy_bytes(file, path):
    began, earlier = time.time_ns(), state_of(file)
    with create(path) as copied:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            copied.write(chunk)
        size = copied.tell()
    if state_of(file) != earlier or size != earlier[0] or 0 <= began - earlier[1] < TICK:
        raise Changing


def state_of(file):
    meta = os.fstat(file.fileno())
    return meta.st_size, meta.st_mtime_ns, meta.st_ctime_ns


def copy_database(name, source, path):
    """By SQLite itself: what has been committed, whoever writes, with what is in the write-ahead log."""
    create(path).close()
    # It resolves the path itself, so the log beside the database is found.
    address = f"file:{urllib.parse.quote(os.path.realpath(source))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED)) as live, closing(sqlite3.connect(path)) as copied:
            live.backup(copied, progress=within(LOCKED))
    except sqlite3.Error as error:
        raise Failure(f"the database {shown(name)} can't be copied: {error}") from error


def within(seconds):
    """Ends a copy that waits for a lock: by itself it would for ever."""
    end = time.monotonic() + seconds

    def progress(status, _remaining, _total):
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > end:
            raise sqlite3.OperationalError("database is locked")

    return progress


def create(path):
    """An empty file of our own, or one that is emptied."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, home.FILE_MODE), "wb")


def check_login(path):
    """codex may be in the middle of writing a new token: half of a login is none."""
    try:
        json.loads(path.read_bytes())
    except ValueError:
        raise Changing from None


def digest(path):
    with open(path, "rb") as file:
        return digest_of(file)


def digest_of(file):
    return hashlib.file_digest(file, "sha256").hexdigest()


def shown(name):
    """A name as a terminal may have it."""
    return name if name.isprintable() else ascii(name)
