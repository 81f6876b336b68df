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
    say(f"\n# {' '.join([name, *arguments[:1]]) if arguments and not arguments[0].startswith('-') else name}")
    command = [sys.executable, "-B", str(ROOT / "scripts" / name), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode
