"""A folder in which the tests run `scripts/port-check` as it is, and what it says there."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ...cli import ROOT

COMPOSE = "compose/docker-compose.yml"
DOMAIN = "api.example.com"
#: A key of no shape that is known, which only its variable's name tells.
PLAIN = "plain/planted+value"


class Tree:
    """What the script needs of the repository, in a folder of its own: with its own `.env` and `test-results`."""

    def __init__(self, test):
        self.root = Path(tempfile.mkdtemp(prefix="port-check-"))
        (test.addClassCleanup if isinstance(test, type) else test.addCleanup)(shutil.rmtree, self.root)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "scripts/operating", self.root / "scripts/operating", ignore=ignored)
        shutil.copy2(ROOT / "scripts/port-check", self.root / "scripts/port-check")
        (self.root / "compose").mkdir()
        for name in (COMPOSE, "compose/Dockerfile"):
            shutil.copy2(ROOT / name, self.root / name)
        # A stand-in for the docker that this machine may have: it has no plugin, and no engine answers.
        (self.root / "bin").mkdir()
        self.program("docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')

    def program(self, name, script, folder="bin"):
        path = self.root / folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def path(self):
        """The search path: our stand-ins first, and Compose, as a program of its own if only docker's plugin is here."""
        if shutil.which("docker-compose") is None:
            docker = shutil.which("docker")
            assert docker, "there is no Docker Compose"
            self.program("docker-compose", f'exec "{docker}" compose "$@"')
        return f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def run(self, *arguments, python=(), **variables):
        environment = {"PATH": self.path(), "HOME": str(self.root), "DOMAIN": DOMAIN, **variables}
        return subprocess.run(
            [sys.executable, *python, self.root / "scripts/port-check", *arguments],
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def results(self):
        """The folders of evidence, each as {name: text}."""
        folders = sorted((self.root / "test-results").glob("port-*"))
        return [{file.name: file.read_text() for file in folder.iterdir()} for folder in folders]

    def change(self, old, new, file=COMPOSE):
        text = (self.root / file).read_text()
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        (self.root / file).write_text(text.replace(old, new))


def findings(run, file=COMPOSE):
    """{line: [what is told of it]}"""
    found = {}
    for line in run.stdout.splitlines():
        if line.startswith(f"{file}:"):
            number, _, words = line.removeprefix(f"{file}:").partition(": ")
            found.setdefault(int(number), []).append(words)
    return found


def line_of(text, beginning):
    """The number of the one line that begins so."""
    before, *behind = f"\n{text}".split(f"\n{beginning}")
    assert len(behind) == 1, f"{beginning!r} is {len(behind)} places"
    return f"{before}\n".count("\n")
