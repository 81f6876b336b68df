"""What the tests of `scripts/sbom` share: the script as a program, and reading what it writes."""

import json
import os
import subprocess
import sys

from .cli import ROOT

BINARIES = ("worker-daemon", "http-front", "codexctl")
NAMES = (*BINARIES, "codex")
#: How the purls of our own crates begin.
OWN = "pkg:generic/codex-gateway/"


def sbom(root, *arguments, **environment):
    """Runs the script that lies in `root`; gives what it said and its exit code."""
    command = [sys.executable, root / "scripts/sbom", *arguments]
    settings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=settings, cwd="/", timeout=300, check=False)


def load(path):
    return json.loads(path.read_text())


def versions(document):
    """`name version` of each part."""
    return {f"{part['name']} {part['version']}" for part in document["components"]}
