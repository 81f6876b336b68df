"""The crates of our binaries, as cargo resolves them from `Cargo.lock`.

`cargo tree` is asked and not `cargo metadata`: that one takes the features of all crates of the workspace together, those of
tests too, and so names crates that no binary has. All binaries are asked for at once, because they are built at once, and
share the features of what they share.
"""

import tomllib
from urllib.parse import quote

from .. import programs
from ..cli import ROOT, Failure
from .parts import Bill, Part, read

BINARIES = ("worker-daemon", "http-front", "codexctl")
#: What we build for. A crate that one of them needs is in the bill.
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
#: Everything that is compiled, and what of it is linked.
COMPILED, LINKED = "normal,build", "normal,no-proc-macro"
#: A registry has other crates under the names of ours (`shared`, `otel`): theirs is the type `cargo`.
OWN = "pkg:generic/codex-gateway/"


def purl(name, version, own):
    return f"{OWN if own else 'pkg:cargo/'}{quote(name)}@{quote(version)}"


def locked(text):
    """What `Cargo.lock` knows of each crate, by name and version: its checksum, None for one of ours."""
    found = {}
    for package in tomllib.loads(text).get("package", []):
        name, version, source = package["name"], package["version"], package.get("source")
        if (name, version) in found:
            raise Failure(f"Cargo.lock has {name} {version} from two sources")
        if source is not None and not source.startswith("registry+"):
            raise Failure(f"{name} {version} is from no registry ({source.partition(':')[0]}): no purl names it")
        if source is not None and "checksum" not in package:
            raise Failure(f"Cargo.lock has no checksum of {name} {version}")
        found[name, version] = package.get("checksum")
    return found


def spdx(licence):
    """A crate's licence as an SPDX expression. Of old, cargo's `/` means OR."""
    return " OR ".join(word.strip() for word in licence.split("/")) or None


def branches(text):
    """The lines of `cargo tree --prefix depth --no-dedupe`: depth, name, version, licence."""
    for line in text.splitlines():
        if not line:
            # Between two trees.
            continue
        try:
            depth, package, licence = line.split("\t")
            # `name v1.2.3`, and then the folder of one of ours, or `(proc-macro)`.
            name, version = package.split(" ")[:2]
            yield int(depth), name, version.removeprefix("v"), licence
        except ValueError as error:
            raise Failure(f"`cargo tree` printed a line of another shape: {line!r}") from error


def trees(text, lock):
    """For each root: the parts below it, and which of them needs which."""
    found, above, needs = {}, [], None
    for depth, name, version, licence in branches(text):
        if (name, version) not in lock:
            raise Failure(f"{name} {version} is not in Cargo.lock")
        checksum = lock[name, version]
        key = purl(name, version, own=checksum is None)
        part = Part(key, name, version, spdx(licence), hashes={"SHA-256": checksum} if checksum else {})
        del above[depth:]
        if not above:
            parts, needs = found.setdefault(name, ({}, {}))
        parts.setdefault(key, part)
        needs.setdefault(key, set())
        if above:
            needs[above[-1]].add(key)
        above.append(key)
    return found


def ask(target, edges):
    cargo = programs.need("cargo", "rustup brings it")
    command = [cargo, "tree", "--locked", "--color", "never", "--manifest-path", ROOT / "Cargo.toml"]
    command += ["--target", target, "--edges", edges, "--prefix", "depth", "--no-dedupe", "--format", "\t{p}\t{l}"]
    for binary in BINARIES:
        command += ["--package", binary]
    # Where it is run, rustup looks for the version of cargo.
    told = programs.run(command, cwd=ROOT)
    if told.returncode:
        raise Failure(f"`cargo tree` failed: {told.stderr.strip()}")
    return told.stdout


def bills():
    """A bill for each binary."""
    lock = locked(read(ROOT / "Cargo.lock"))
    all_parts = {binary: {} for binary in BINARIES}
    all_needs = {binary: {} for binary in BINARIES}
    shipped = {binary: set() for binary in BINARIES}
    for target in TARGETS:
        for binary, (parts, needs) in trees(ask(target, COMPILED), lock).items():
            all_parts[binary].update(parts)
            for key, keys in needs.items():
                all_needs[binary].setdefault(key, set()).update(keys)
        for binary, (parts, _) in trees(ask(target, LINKED), lock).items():
            shipped[binary].update(parts)
    return [bill(binary, all_parts[binary], all_needs[binary], shipped[binary]) for binary in BINARIES]


def bill(binary, parts, needs, shipped):
    for key, part in parts.items():
        part.ships = key in shipped
    root = next((part for part in parts.values() if part.name == binary), None)
    if root is None:
        raise Failure(f"cargo told nothing of {binary}")
    del parts[root.purl]
    return Bill(binary, root, parts, needs)
