"""For the tests of `scripts/verify-release`: a small repository with this script in it, programs, and images with a stand-in
for docker. All of them are good; a test plants its fault."""

import hashlib
import io
import json
import os
import platform
import random
import shutil
import string
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from .cli import ROOT

VERSION, CODEX = "1.2.3", "0.9.8"
BINARIES = ("worker-daemon", "http-front", "codexctl")
LIMIT = 120

CARGO = """[workspace]
resolver = "3"
members = ["worker-daemon", "http-front", "codexctl", "shared"]

[workspace.package]
version = "1.2.3"
edition = "2021"
license = "Apache-2.0"

[workspace.dependencies]
near = "1"
shared = { path = "shared" }

[profile.release]
strip = "symbols"
"""
CRATE = """[package]
name = "NAME"
version.workspace = true
edition.workspace = true
license.workspace = true

[dependencies]
"""
#: Dependencies of each crate: `near` is of a registry, and needs `far`.
NEEDS = {"worker-daemon": "shared", "http-front": "shared", "codexctl": "near", "shared": "near"}
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n### Added\n\n- All of it.\n"
PROGRAM = r"""
#include <stdio.h>
#include <string.h>
static const char *const said = "NAME VERSION";
static const char unsaid[] __attribute__((used)) = "MORE";
int main(int count, char **words) {
    if (count != 2 || strcmp(words[1], "--version") != 0) return 2;
    puts(said);
    return 0;
}
"""


def key(seed, prefix="sk-", length=43):
    """A key of real shape, which is written down nowhere."""
    chance = random.Random(seed)
    return prefix + "".join(chance.choice(string.ascii_letters + string.digits) for _ in range(length))


def private_key():
    return "-----BEGIN " + "PRIVATE KEY-----\n" + key(1, "") + "\n-----END " + "PRIVATE KEY-----\n"


def run(command, folder, environment=None):
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=LIMIT, env=environment, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def program(path, name, version=VERSION, more="", options=("-static", "-s")):
    """Compiles a program that knows its version: static and stripped, if not told otherwise."""
    source = PROGRAM.replace("NAME", name).replace("VERSION", version).replace("MORE", more)
    subprocess.run(["gcc", "-x", "c", "-o", path, "-", *options], input=source.encode(), check=True, timeout=LIMIT)
    return path


class Repository:
    """A workspace of four crates, with crates of a registry beside it, all committed."""

    def __init__(self, folder):
        self.root = Path(folder)
        self.write("Cargo.toml", CARGO)
        for name, needs in NEEDS.items():
            self.write(f"{name}/Cargo.toml", CRATE.replace("NAME", name) + f"{needs}.workspace = true\n")
            self.write(f"{name}/src/lib.rs", "")
        self._vendor("near", '[dependencies]\nfar = "1"\n')
        self._vendor("far", "")
        self.write(".cargo/config.toml", '[source.crates-io]\nreplace-with = "near-by"\n[source.near-by]\ndirectory = "vendor"\n')
        self.write("CHANGELOG.md", CHANGELOG)
        self.write(".gitignore", "/test-results\n/target\n__pycache__\n")
        self.write(".env.example", "PROXY_API_KEY=\n")
        self.write("scripts/codex/package.json", json.dumps({"dependencies": {"@openai/codex": CODEX}}))
        locked = {"packages": {"node_modules/@openai/codex": {"version": CODEX}}}
        self.write("scripts/codex/package-lock.json", json.dumps(locked))
        shutil.copy(ROOT / "rust-toolchain.toml", self.root)
        shutil.copy(ROOT / "scripts/verify-release", self.root / "scripts")
        left_out = shutil.ignore_patterns("__pycache__", "test_*", "release_fixtures.py")
        shutil.copytree(ROOT / "scripts/operating", self.root / "scripts/operating", ignore=left_out)
        run(["cargo", "generate-lockfile", "--offline"], self.root)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit()

    def _vendor(self, name, more):
        self.write(f"vendor/{name}/Cargo.toml", f'[package]\nname = "{name}"\nversion = "1.0.7"\nedition = "2021"\n{more}')
        self.write(f"vendor/{name}/src/lib.rs", "")
        checksum = hashlib.sha256(name.encode()).hexdigest()
        self.write(f"vendor/{name}/.cargo-checksum.json", json.dumps({"files": {}, "package": checksum}))

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def change(self, name, before, after):
        text = (self.root / name).read_text()
        if before not in text:
            raise AssertionError(f"{name} has no {before!r}")
        self.write(name, text.replace(before, after))

    def git(self, *words):
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"]
        return run(["git", *who, *words], self.root)

    def commit(self):
        self.git("add", "--all", "--force", "--", ".", ":!test-results")
        self.git("commit", "--quiet", "--message", "A state")

    @property
    def head(self):
        return self.git("rev-parse", "HEAD").strip()


class Layers:
    """The files of an image, layer by layer, and its settings; `save` writes them as docker does."""

    def __init__(self, config):
        self.layers, self.config = [[]], config
        self.history = [{"created_by": "COPY /build/ / # buildkit"}]
        self.architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]

    def file(self, path, content=b"", mode=0o644):
        member = tarfile.TarInfo(path)
        content = content if isinstance(content, bytes) else content.encode()
        member.size, member.mode = len(content), mode
        self.layers[-1].append((member, content))

    def link(self, path, target):
        member = tarfile.TarInfo(path)
        member.type, member.linkname = tarfile.SYMTYPE, target
        self.layers[-1].append((member, b""))

    def replace(self, path, content, mode=0o755):
        """In the place of the file that is there, as if it had been built so."""
        for layer in self.layers:
            layer[:] = [entry for entry in layer if entry[0].name != path]
        self.file(path, content, mode)

    def remove(self, path):
        for layer in self.layers:
            layer[:] = [entry for entry in layer if entry[0].name != path]

    def layer(self):
        self.layers.append([])

    def save(self, path):
        config = {"config": self.config, "history": self.history, "architecture": self.architecture}
        files = {"config.json": json.dumps(config).encode()}
        for number, layer in enumerate(self.layers):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                for member, content in layer:
                    archive.addfile(member, io.BytesIO(content))
            files[f"{number}/layer.tar"] = buffer.getvalue()
        names = [name for name in files if name != "config.json"]
        files["manifest.json"] = json.dumps([{"Config": "config.json", "Layers": names}]).encode()
        with tarfile.open(path, "w") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


#: Answers what `docker` is asked from a folder with NAME.json, NAME.tar and, unpacked, NAME/.
DOCKER = """#!{python}
import json, os, pathlib, shutil, subprocess, sys
folder, words = pathlib.Path({folder!r}), sys.argv[1:]
name = lambda word: word.removeprefix("sha256:")
if words[:2] == ["image", "inspect"]:
    path = folder / f"{{words[2]}}.json"
    sys.exit(print(path.read_text()) if path.exists() else f"Error: No such image: {{words[2]}}")
if words[:2] == ["save", "--output"]:
    sys.exit(shutil.copy(folder / f"{{name(words[3])}}.tar", words[2]) and 0)
confined = ["--rm", "--read-only", "--network none"]
if words[0] == "run" and all(option in " ".join(words) for option in confined) and words[-1] == "--version":
    path = words[words.index("--entrypoint") + 1]
    sys.exit(subprocess.run([folder / name(words[-2]) / path.lstrip("/"), "--version"]).returncode)
sys.exit(f"docker was asked for something else: {{words}}")
"""


class Docker:
    """A folder with `docker` in it, which knows the images that it is given."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        (self.folder / "docker").write_text(DOCKER.format(python=sys.executable, folder=str(self.folder)))
        (self.folder / "docker").chmod(0o755)

    def add(self, name, layers):
        layers.save(self.folder / f"{name}.tar")
        told = [{"Id": f"sha256:{name}", "Architecture": layers.architecture, "Config": layers.config}]
        (self.folder / f"{name}.json").write_text(json.dumps(told))
        for member, content in (entry for layer in layers.layers for entry in layer):
            path = self.folder / name / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.isfile():
                path.write_bytes(content)
                path.chmod(0o755)


class Case(unittest.TestCase):
    """Runs the real script in a repository of its own."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="test-release-")))
        Repository(cls.shared / "repository")

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="test-release-")))
        shutil.copytree(self.shared / "repository", self.folder / "repository", symlinks=True)
        self.repository = Repository.__new__(Repository)
        self.repository.root = self.folder / "repository"
        # What is installed beside git and cargo must not decide what is seen.
        self.path = [self.folder / "bin"]
        self.path[0].mkdir()
        self.environment = dict(os.environ)

    def tool(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def release(self, *options):
        """Exit code, output and the checks of the summary by name."""
        out = self.folder / "evidence"
        environment = {**self.environment, "PATH": ":".join([*map(str, self.path), self.environment["PATH"]])}
        done = subprocess.run(
            [sys.executable, "-B", self.repository.root / "scripts/verify-release", "--out", out, *map(str, options)],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            env=environment,
            check=False,
        )
        summary = out / "summary.json"
        self.code, self.said, self.complained = done.returncode, done.stdout, done.stderr
        self.summary = json.loads(summary.read_text()) if summary.exists() else None
        self.checks = {check["name"]: check for check in self.summary["checks"]} if self.summary else {}
        self.out = out
        return done.returncode

    def assert_good(self):
        self.assertEqual(self.complained, "")
        self.assertEqual(self.code, 0, self.said)

    def assert_found(self, check, *words, alone=True):
        """That this check failed and says these words, and that, where it is `alone`, no other did."""
        self.assertIn(check, self.checks, self.said + self.complained)
        self.assertEqual(self.checks[check]["state"], "FAILED", self.said)
        for word in words:
            self.assertIn(word, self.checks[check]["problem"])
            self.assertIn(word, self.said)
        self.assertEqual(self.code, 1)
        if alone:
            failed = [name for name, told in self.checks.items() if told["state"] == "FAILED"]
            self.assertEqual(failed, [check], self.said)
