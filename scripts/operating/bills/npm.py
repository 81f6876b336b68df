"""codex, as `scripts/codex/package-lock.json` pins it."""

import json
from urllib.parse import quote

from ..cli import ROOT, Failure
from .parts import Bill, Part, integrity, read

LOCK = ROOT / "scripts/codex/package-lock.json"
CODEX = "node_modules/@openai/codex"
#: What we run on, in npm's words.
SYSTEM, PROCESSORS = "linux", ("x64", "arm64")


def allowed(words, ours):
    """Whether a package's `os` or `cpu` allows one of ours. `!win32` means any other."""
    if not words:
        return True
    refused = {word[1:] for word in words if word.startswith("!")}
    wanted = {word for word in words if not word.startswith("!")}
    return any(word not in refused and (not wanted or word in wanted) for word in ours)


def runs(package):
    return allowed(package.get("os"), [SYSTEM]) and allowed(package.get("cpu"), PROCESSORS)


def find(packages, path, name):
    """The folder that `name` means in the package at `path`: the nearest `node_modules` upwards."""
    while path:
        folder = f"{path}/node_modules/{name}"
        if folder in packages:
            return folder
        path = path.rpartition("node_modules/")[0].rstrip("/")
    return f"node_modules/{name}"


def part(path, package):
    # A package under another name than its folder's says its own.
    name = package.get("name") or path.rpartition("node_modules/")[2]
    try:
        version, digests = package["version"], integrity(package["integrity"])
    except KeyError as error:
        raise Failure(f"{path} has no {error} in {LOCK.name}") from error
    if not digests:
        raise Failure(f"{path} has no integrity that is known here in {LOCK.name}")
    group, _, short = name.rpartition("/")
    key = f"pkg:npm/{quote(name)}@{quote(version)}"
    return Part(key, short, version, package.get("license"), group or None, digests)


def bill(text):
    try:
        packages = json.loads(text)["packages"]
        root = part(CODEX, packages[CODEX])
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{LOCK.name} is not as npm writes it: {error!r}") from error
    parts, needs, waiting = {}, {}, [CODEX]
    while waiting:
        path = waiting.pop()
        this = part(path, packages[path])
        if this.purl in needs:
            continue
        parts[this.purl] = this
        needs[this.purl] = set()
        for kind in ("dependencies", "optionalDependencies"):
            for name in packages[path].get(kind, {}):
                folder = find(packages, path, name)
                if folder not in packages:
                    raise Failure(f"{path} needs {name}, which {LOCK.name} has not")
                if runs(packages[folder]):
                    needs[this.purl].add(part(folder, packages[folder]).purl)
                    waiting.append(folder)
    del parts[root.purl]
    # Programs made by others: the lock knows no more of them than this.
    return Bill("codex", root, parts, needs, opaque=sorted(parts))


def bills():
    return [bill(read(LOCK))]
