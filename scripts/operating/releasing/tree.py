"""What the tree says of itself: its commit, its version, its crates, the codex that it pins."""

import json
import re
import tomllib
from functools import cached_property
from pathlib import Path

from .. import programs
from .checks import Wrong

CODEX = "@openai/codex"


class Tree:
    """The repository's folder. Files are read when they are asked for, so that a bad one fails the checks that need it."""

    def __init__(self, root):
        self.root = Path(root)

    def git(self, *words):
        """What git says; a refusal is a finding."""
        done = programs.run(["git", "-C", self.root, *words])
        if done.returncode != 0:
            raise Wrong(f"`git {' '.join(words)}`: {done.stderr.strip()}")
        return done.stdout

    def toml(self, name):
        try:
            return tomllib.loads((self.root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Wrong(f"{name} can't be read: {error}") from error

    def json(self, name):
        try:
            return json.loads((self.root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Wrong(f"{name} can't be read: {error}") from error

    @cached_property
    def head(self):
        return self.git("rev-parse", "--verify", "HEAD").strip()

    @cached_property
    def workspace(self):
        return self.toml("Cargo.toml").get("workspace", {})

    @cached_property
    def version(self):
        return self._package("version")

    @cached_property
    def licence(self):
        return self._package("license")

    def _package(self, name):
        value = self.workspace.get("package", {}).get(name)
        if not isinstance(value, str):
            raise Wrong(f"Cargo.toml has no `{name}` in [workspace.package]")
        return value

    @cached_property
    def lock(self):
        """The packages of Cargo.lock."""
        return self.toml("Cargo.lock").get("package", [])

    @cached_property
    def members(self):
        """Each crate of the workspace: its manifest by its name."""
        manifests = [self.toml(f"{folder}/Cargo.toml") for folder in self.workspace.get("members", [])]
        return {manifest["package"]["name"]: manifest for manifest in manifests}

    @cached_property
    def codex(self):
        """The version of codex that is pinned, in both of its files."""
        wanted = self.json("scripts/codex/package.json").get("dependencies", {}).get(CODEX)
        if not isinstance(wanted, str) or not re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", wanted):
            raise Wrong(f"scripts/codex/package.json pins no single version of {CODEX}: {wanted!r}")
        packages = self.json("scripts/codex/package-lock.json").get("packages", {})
        locked = packages.get(f"node_modules/{CODEX}", {}).get("version")
        if locked != wanted:
            raise Wrong(f"scripts/codex/package.json has {CODEX} {wanted}, package-lock.json {locked}: make the lock anew")
        return wanted
