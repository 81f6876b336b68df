"""The file as Compose renders it. What Compose refuses is told in its own words, with the line that they are about."""

import json
import re

from .. import programs
from ..cli import USAGE, Failure

#: What stands for a name of ours where none is set: RFC 2606 keeps it from being anybody's.
PLACEHOLDER = "gateway.example.com"

LINE = re.compile(r"\bline (\d+)\b(?!: line)|\bL(\d+)\.C\d+")
DOTTED = re.compile(r"\b((?:services|networks|volumes|configs|secrets)[.\[][^\s'\"]*[^\s'\".,:])")
SERVICE = re.compile(r'\bservice "([^"]+)"')
#: What follows is text of the file with the keys in it.
SETTINGS = re.compile(r"(failed to read [^\n]*?: line \d+:).*", re.DOTALL)


def command(words, file, env_file):
    """Compose with these files; every profile, so that no service hides behind one. Without a file of settings none is read,
    so that what is judged does not hang on where this was started."""
    return [*words, "--env-file", env_file or "/dev/null", "--file", file, "--profile", "*"]


def render(asking, source, variables, clean):
    """The rendered file as an object, from the `command` asking. `variables` stand for some that are not set, and `clean` takes
    secrets out of texts."""
    asked = programs.run([*asking, "config", "--format", "json"], environment=variables)
    if asked.returncode != 0:
        raise Failure(_refusal(asked.stderr, source, clean), USAGE)
    try:
        return json.loads(asked.stdout)
    except ValueError as error:
        raise Failure(f"`{asking[0]} config` gave no JSON: {error}") from error


def _refusal(words, source, clean):
    # Warnings of variables that are not set are not why.
    lines = [line for line in words.splitlines() if line.strip() and "level=warning" not in line]
    words = SETTINGS.sub(r"\1 it can't be read", clean("\n".join(lines))).strip()
    return f"{source.name}:{line_of(words, source)}: Compose refuses it: {words}"


def line_of(words, source):
    """The line that Compose's words are about: the one that they name, or that of the member they speak of."""
    found = LINE.search(words)
    if found and "failed to read" not in words:
        return int(found[1] or found[2])
    dotted, service = DOTTED.search(words), SERVICE.search(words)
    path = source.dotted(dotted[1]) if dotted else ["services", service[1]] if service else []
    return source.line(*path)
