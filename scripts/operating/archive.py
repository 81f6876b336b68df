"""A kept state: one `tar.gz` with its manifest first, then the files of the manifest in its order, and nothing else.

Reading trusts nothing: names, types, sizes and digests are held to the manifest, and the manifest to bounds.
"""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from dataclasses import asdict, fields

from . import home
from .cli import MISSING, Failure
from .state import CHUNK, FILE, FOLDER, Entry, digest, shown

MANIFEST, FOLDER_NAME = "MANIFEST.json", "codex-api"
FORMAT = 1
#: A state has some dozens of files of a few megabytes; a hostile archive may have any.
MOST_ENTRIES, MOST_BYTES, MOST_MANIFEST = 100_000, 64 << 30, 64 << 20
#: A header says how long a name is. No honest one is longer.
MOST_READ = MOST_MANIFEST
DIGEST = re.compile(r"[0-9a-f]{64}")


def write(path, entries, copies, more):
    """Writes the archive: `copies` gives the path of each file's copy by name."""
    manifest = {"format": FORMAT, **more, "entries": [asdict(entry) for entry in entries]}
    check_bounds(entries)
    text = json.dumps(manifest, indent=1).encode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, home.FILE_MODE), "wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb", filename="", compresslevel=6) as packed:
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.addfile(member(MANIFEST, len(text)), io.BytesIO(text))
                for entry in entries:
                    if entry.type == FILE:
                        with open(copies[entry.name], "rb") as copied:
                            tar.addfile(member(f"{FOLDER_NAME}/{entry.name}", entry.size, entry), copied)
        file.flush()
        os.fsync(file.fileno())


def member(name, size, entry=None):
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, home.FILE_MODE
    if entry:
        info.mtime, info.uid, info.gid = entry.mtime, entry.uid, entry.gid
    return info


class Bounded(gzip.GzipFile):
    """Unpacks no more than a header can honestly ask for at once."""

    def read(self, size=-1):
        if size is None or not 0 <= size <= MOST_READ:
            raise Failure("the archive is none of scripts/backup: a header asks for too much")
        return super().read(size)


def check_digest(path):
    """Holds the file to the digest beside it, and gives that."""
    beside = sidecar(path)
    try:
        words = beside.read_text(encoding="ascii", errors="replace")[:4096].split()
    except FileNotFoundError:
        raise Failure(f"{beside} is missing: `scripts/backup` wrote it beside the archive", MISSING) from None
    if not words or not DIGEST.fullmatch(words[0]):
        raise Failure(f"{beside} holds no SHA-256")
    found = digest(path)
    if found != words[0]:
        raise Failure(f"{path} is not what was written: its SHA-256 is not that of {beside.name}")
    return found


def sidecar(path):
    return path.with_name(f"{path.name}.sha256")


def read(path, sink=None):
    """Goes through the whole archive and gives its manifest.

    `sink.folder(entry)` and `sink.file(entry)`, which gives something to write to, are called where there is one; what
    was written may be used only when this has returned.
    """
    try:
        with open(path, "rb") as file, Bounded(fileobj=file, mode="rb") as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r:") as tar:
                manifest, entries = read_manifest(tar)
                for entry in entries:
                    read_entry(tar, entry, sink)
                # Nothing but tar's padding may follow; the checksum of gzip stands behind it.
                unpacked.seek(tar.offset)
                padding = unpacked.read(2 * tarfile.RECORDSIZE)
                if len(padding) >= 2 * tarfile.RECORDSIZE or padding.strip(b"\0"):
                    raise Failure("the archive holds more than its manifest names")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError, RecursionError) as error:
        raise Failure(f"{path} is broken: {error}") from error
    return manifest, entries


def read_manifest(tar):
    info = tar.next()
    if info is None or info.name != MANIFEST or not plain(info) or info.size > MOST_MANIFEST:
        raise Failure(f"the archive doesn't begin with its {MANIFEST}: it is none of scripts/backup")
    manifest = json.loads(tar.extractfile(info).read())
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Failure(f"the archive's format is another than {FORMAT}")
    listed = manifest.get("entries")
    if not isinstance(listed, list) or len(listed) > MOST_ENTRIES:
        raise Failure("the manifest has no entries, or too many")
    entries = [checked(entry) for entry in listed]
    check_bounds(entries)
    check_tree(entries)
    return manifest, entries


def checked(entry):
    """An `Entry` of the manifest, its members of the right kinds."""
    names = {field.name: field.type for field in fields(Entry)}
    if not isinstance(entry, dict) or entry.keys() != names.keys():
        raise Failure("the manifest has an entry without its members")
    for name, kind in names.items():
        value = entry[name]
        if type(value) is not kind or (kind is int and not 0 <= value < 2**63):
            raise Failure(f"the manifest has an entry whose {name} can't be")
    found = Entry(**entry)
    if found.type not in (FILE, FOLDER) or max(found.uid, found.gid) >= 2**32 - 1 or found.mode > 0o7777:
        raise Failure(f"the manifest has an entry that can't be: {shown(found.name)}")
    if found.type == FILE and not DIGEST.fullmatch(found.sha256):
        raise Failure(f"the manifest has no digest of {shown(found.name)}")
    return found


def check_bounds(entries):
    if len(entries) > MOST_ENTRIES or sum(entry.size for entry in entries) > MOST_BYTES:
        raise Failure(f"that is too much for a state: more than {MOST_ENTRIES} files or {MOST_BYTES} bytes")


def check_tree(entries):
    """Each name once, below the folder, and behind the folder that it is in."""
    folders, seen = set(), set()
    for entry in entries:
        parts = entry.name.split("/")
        if entry.name == "." and entry.type == FOLDER and not seen:
            pass
        elif not seen or "\0" in entry.name or any(part in ("", ".", "..") for part in parts):
            raise Failure(f"the manifest has a name that leads elsewhere: {shown(entry.name)}")
        elif ("/".join(parts[:-1]) or ".") not in folders or entry.name in seen:
            raise Failure(f"the manifest has {shown(entry.name)} twice or outside of its folders")
        seen.add(entry.name)
        if entry.type == FOLDER:
            folders.add(entry.name)
    if not seen:
        raise Failure("the manifest has no entries")


def plain(info):
    """Whether a member is a file like any other: no link, device, or file with holes."""
    return info.type == tarfile.REGTYPE and not info.issparse()


def read_entry(tar, entry, sink):
    if entry.type == FOLDER:
        if sink:
            sink.folder(entry)
        return
    info = tar.next()
    if info is None:
        raise Failure(f"the archive ends before {shown(entry.name)}")
    if info.name != f"{FOLDER_NAME}/{entry.name}" or not plain(info) or info.size != entry.size:
        raise Failure(f"the archive holds {shown(info.name)} where its manifest has the file {shown(entry.name)}")
    found = hashlib.sha256()
    with tar.extractfile(info) as file, sink.file(entry) if sink else io.BytesIO() as copied:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            found.update(chunk)
            if sink:
                copied.write(chunk)
    if found.hexdigest() != entry.sha256:
        raise Failure(f"{shown(entry.name)} in the archive is not what was kept: its SHA-256 is another")
