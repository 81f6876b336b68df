"""The binaries: there, static, stripped, for the right machine, of this version, without paths of who built them."""

import hashlib
import platform
import re
from collections import Counter

from .. import programs
from . import elf
from .checks import Check, NotChecked, Wrong, none

DAEMON, FRONT, CLI = "worker-daemon", "http-front", "codexctl"
ALL = (DAEMON, FRONT, CLI)
#: Homes of those who build. Crates of the registry lie there, and panics name their files.
HOMES = re.compile(rb"/(?:root|home/[A-Za-z_][\w.-]*|Users/[A-Za-z_][\w.-]*)/[\w.-]+")
REMEDY = "build with RUSTFLAGS='--remap-path-prefix=…'"
QUICK = 20


def checks(tree, folder, machine, hashes):
    return [check for name in ALL for check in _checks_of(tree, folder / name, machine, hashes)]


def _checks_of(tree, path, machine, hashes):
    def read():
        if not path.is_file():
            raise Wrong(f"{path} is not there")
        data = path.read_bytes()
        hashes[path.name] = digest(data)
        return data

    label = f"binary {path.name}"
    return [
        Check(f"{label}: static, stripped, for {machine}", lambda: built(read(), machine)),
        Check(f"{label}: no path of the builder's home", lambda: no_home(read())),
        Check(f"{label}: the version is Cargo.toml's", lambda: own_version(read(), path, tree, machine)),
    ]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def built(data, machine):
    """How an executable was built: what it says of itself, without running it."""
    seen = elf.parse(data)
    findings = []
    if seen.machine != machine:
        findings.append(f"it is for {seen.machine}, not for {machine}")
    if seen.interpreter:
        findings.append(f"it is not static: {seen.interpreter} loads it")
    if seen.needed:
        findings.append(f"it is not static: it needs {seen.needed} shared libraries")
    if seen.symbols:
        findings.append("it is not stripped: it has a table of symbols (build with --release)")
    if seen.debug:
        findings.append("it is not stripped: it has sections for a debugger (build with --release)")
    none(findings)
    return f"{len(data) / 1e6:.1f} MB"


def no_home(data):
    found = Counter(match[0].decode() for match in HOMES.finditer(data))
    none(f"{count} times {path}/…: {REMEDY}" for path, count in found.most_common())


def own_version(data, path, tree, machine):
    host = platform.machine()
    if elf.parse(data).machine != host:
        raise NotChecked(f"it is for {machine}, and runs on no {host}")
    return said_version(programs.run([path, "--version"], limit=QUICK), path.name, tree.version)


def said_version(done, name, version):
    """Holds what `--version` said to `NAME VERSION`."""
    said = done.stdout.strip()
    if done.returncode != 0 or said != f"{name} {version}":
        told = said.splitlines()[0][:80] if said else done.stderr.strip()[-200:]
        raise Wrong(f"`{name} --version` ended with {done.returncode} and said {told!r}, not {f'{name} {version}'!r}")
    return said
