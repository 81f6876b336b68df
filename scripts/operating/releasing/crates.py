"""The crates that a binary is built from: by Cargo's own words where it is there, else the direct ones by the manifests."""

import shutil

from .. import programs
from .checks import Wrong

#: `cargo` asks for no toolchain and no index here: a check downloads nothing.
OFFLINE = {"RUSTUP_AUTO_INSTALL": "0", "CARGO_NET_OFFLINE": "true", "CARGO_TERM_COLOR": "never"}


def direct(tree, crates):
    """Name and version of each dependency that these crates, and those of the workspace below them, ask for themselves.

    Not those of tests and of build scripts, and not optional ones: they need not be in a binary."""
    found, waiting, seen = set(), list(crates), set()
    while waiting:
        crate = waiting.pop()
        if crate in seen:
            continue
        seen.add(crate)
        for name, version in _dependencies(tree, crate):
            if name in tree.members:
                waiting.append(name)
            else:
                found.add((name, version))
    return found


def _dependencies(tree, crate):
    manifest = tree.members.get(crate)
    if manifest is None:
        raise Wrong(f"no crate of the workspace has the name {crate}")
    platforms = manifest.get("target", {}).values()
    tables = [manifest.get("dependencies", {}), *(platform.get("dependencies", {}) for platform in platforms)]
    for name, wanted in ((name, wanted) for table in tables for name, wanted in table.items()):
        wanted = wanted if isinstance(wanted, dict) else {}
        if wanted.get("optional"):
            continue
        if wanted.get("workspace"):
            shared = tree.workspace.get("dependencies", {}).get(name)
            wanted = shared if isinstance(shared, dict) else {}
        name = wanted.get("package", name)
        yield name, _locked(tree, crate, name)


def _locked(tree, crate, name):
    """The version of a dependency that a crate of the workspace is locked to."""
    entry = next((package for package in tree.lock if package["name"] == crate and "source" not in package), None)
    if entry is None:
        raise Wrong(f"Cargo.lock has no {crate}")
    # `name`, or `name version` where there are several.
    words = next((line.split() for line in entry.get("dependencies", []) if line.split()[0] == name), None)
    if words is None:
        raise Wrong(f"Cargo.lock has no {name} below {crate}")
    versions = [package["version"] for package in tree.lock if package["name"] == name]
    return words[1] if len(words) > 1 else versions[0]


def linked(tree, crates, machine):
    """Name and version of all that is linked into the binaries of these crates; None where no Cargo can tell.

    Macros of procedures and build scripts run where it is built, and are in no binary."""
    if shutil.which("cargo") is None:
        return None
    words = ["cargo", "tree", "--locked", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    words += ["--target", f"{machine}-unknown-linux-gnu", *(word for crate in crates for word in ("--package", crate))]
    done = programs.run(words, environment=OFFLINE, cwd=tree.root)
    if done.returncode != 0:
        return None
    # `NAME vVERSION`, and behind it `(PLACE)` for a crate of the workspace or `(*)` for one that was named before.
    named = {tuple(line.split()[:2]) for line in done.stdout.splitlines() if line.strip()}
    return {(name, version.removeprefix("v")) for name, version in named if name not in tree.members}
