"""The lists of parts (CycloneDX, JSON) that an image has: they name what is in it, and nothing that isn't in this tree."""

import json
from urllib.parse import unquote

from . import crates
from .checks import Wrong, none
from .tree import CODEX

FOLDER = "/usr/share/sbom/"
SUFFIX = ".cdx.json"


def parts(text, name):
    """Kind, name and version of what a list is of, of each part, and of those within parts."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise Wrong(f"{name} is no JSON: {error}") from error
    if not isinstance(told, dict) or told.get("bomFormat") != "CycloneDX":
        raise Wrong(f"{name} is no CycloneDX")
    found, waiting = set(), list(told.get("components") or [])
    whole = (told.get("metadata") or {}).get("component")
    waiting += [whole] if whole else []
    while waiting:
        part = waiting.pop()
        waiting += part.get("components") or []
        # `pkg:cargo/NAME@VERSION?…`: what the part is where several registries have the name.
        kind = part.get("purl", "").removeprefix("pkg:").partition("/")[0]
        group = f"{unquote(part['group'])}/" if part.get("group") else ""
        found.add((kind, group + part["name"], part.get("version")))
    return found


def complete(found, tree, programs, codex, machine):
    """Holds the parts of all lists of an image to the tree: `programs` are the crates whose binaries it has."""
    # A part without `purl` is taken for what is looked for; one that says that it is a crate must be one of ours.
    named = {(name, version) for kind, name, version in found if kind in ("cargo", "")}
    said = {(name, version) for kind, name, version in found if kind == "cargo"}
    locked = {(package["name"], package["version"]) for package in tree.lock}
    linked = crates.linked(tree, programs, machine)
    wanted = crates.direct(tree, programs) | (linked or set())
    findings = [f"it does not name {name} {version}" for name, version in sorted(wanted - named)]
    findings += [f"it names {name} {version}, which Cargo.lock has not" for name, version in sorted(said - locked, key=str)]
    if codex and not {(CODEX, tree.codex), ("codex", tree.codex)} & {(name, version) for _, name, version in found}:
        findings.append(f"it does not name {CODEX} {tree.codex}")
    none(findings)
    looked = "those that are linked" if linked is not None else "the direct ones; cargo, which knows the others, can't tell"
    return f"{len(wanted)} crates ({looked}){f' and codex {tree.codex}' if codex else ''}"
