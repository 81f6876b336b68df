"""What a Dockerfile says of a target: its user, variables and ports, with those of the stages that it is built from."""

import copy
import re
import shlex
from pathlib import Path

WORDS = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)")

#: What an image says that nothing is known of.
NOTHING = {"user": None, "environment": {}, "ports": []}


def image(path, target=None):
    """{"user": …, "environment": {…}, "ports": […]} of a target, or of the last stage; None where it can't be read."""
    try:
        return _stage(Path(path).read_text(encoding="utf-8"), target)
    except (OSError, ValueError):
        return None


def _stage(text, target):
    stages, arguments, stage = {}, {}, None
    for word, rest in _instructions(text):
        if word == "FROM":
            parts = [part for part in rest.split() if not part.startswith("--")]
            name = parts[2] if len(parts) == 3 else f"#{len(stages)}"
            stage = stages[name.lower()] = copy.deepcopy(stages.get(parts[0].lower(), NOTHING))
        elif (word == "ARG" and stage is None) or (word == "ARG" and "=" in rest):
            name, _, value = rest.partition("=")
            arguments[name] = value.strip("\"'")
        elif stage is not None and word == "USER":
            stage["user"] = _filled(rest, {**arguments, **stage["environment"]})
        elif stage is not None and word == "EXPOSE":
            stage["ports"] += _filled(rest, {**arguments, **stage["environment"]}).split()
        elif stage is not None and word == "ENV":
            known = {**arguments, **stage["environment"]}
            stage["environment"].update({name: _filled(value, known) for name, value in _pairs(rest)})
    return stages.get(target.lower()) if target else stage


def _instructions(text):
    """Each instruction as (word, the rest of it), lines joined and comments left out."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for whole in re.sub(r"\\[ \t]*\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = whole.strip().partition(" ")
        if word:
            yield word.upper(), rest.strip()


def _pairs(rest):
    if "=" not in rest.split(None, 1)[0]:
        return [tuple(rest.split(None, 1))] if len(rest.split(None, 1)) == 2 else []
    return [tuple(word.split("=", 1)) for word in shlex.split(rest) if "=" in word]


def _filled(text, values):
    return WORDS.sub(lambda found: values.get(found[1] or found[3]) or found[2] or "", text)
