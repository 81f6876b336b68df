"""The other scripts, started by one as an operator would start them."""

import subprocess
import sys
from pathlib import Path

from .cli import ROOT, say


def env_file(text):
    """The settings' file as every script and Compose is to be told of it: from wherever each is started, and only where it is."""
    path = Path(text).resolve()
    return path, ["--env-file", str(path)] if path.is_file() else []


def script(name, *arguments):
    """Runs `scripts/NAME` with these arguments; what it prints is shown. Gives its exit code."""
    arguments = [str(word) for word in arguments]
    # `smoke prod` is one thing to whoever reads it.
    what = [name, *arguments[:1]] if arguments and arguments[0].isalpha() else [name]
    say(f"\n# {' '.join(what)}")
    command = [sys.executable, "-B", str(ROOT / "scripts" / name), *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode
