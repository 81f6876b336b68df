"""The dev stack behind Traefik: as production under other names, so that what was tried there is what is deployed."""

import re

from .stack import FRONT
from .verdict import fault, hold

FILE = "compose.dev.stack.yml"
#: Its names and ForwardAuth's port, and what they are in production. Production's own port is none of its.
NAMES = {"codex-dev": "codex", "127.0.0.1:18081": "127.0.0.1:18080", "127.0.0.1:18080": "production's front"}
HOST = re.compile(r"Host\(`[^`]*`\)")
#: What it does without: its certificate is Traefik's own, and browsers would keep to HSTS for a long time.
WITHOUT = (".tls.certresolver", ".headers.stsseconds")
#: Its entry points have another name: production's Traefik on the same host serves nothing of it.
OWN = ".entrypoints"


def check(stack, dev):
    """The dev stack's labels are production's, with codex-dev in the place of codex and ForwardAuth at 18081. The paths of
    these verdicts are those of its own file."""
    if FRONT not in dev.services:
        yield fault(("services",), f"the service {FRONT} is missing in the dev stack")
        return
    named = {_production(key): key for key in dev.front.labels if key.startswith("traefik.")}
    labels = {key: value for key, value in stack.front.labels.items() if key.startswith("traefik.")}
    for key, value in labels.items():
        if key.endswith(WITHOUT):
            continue
        there = dev.front.labels.get(named.get(key))
        yield hold(
            f"the dev stack has {key} as production",
            dev.front.at("labels", *([named[key]] if key in named else [])),
            there is not None and _agree(key, there, value),
            f"{named.get(key) or f'the counterpart of {key}'} is {_told(there)}, but {_told(value)} in production: what is "
            "tried must be what is deployed",
        )
    for key, name in named.items():
        if key not in labels:
            yield fault(dev.front.at("labels", name), f"{name} has no counterpart in production: add it there, or take it out")


def _agree(key, there, value):
    if key.endswith(OWN):
        return there != value
    return _production(HOST.sub("Host(`…`)", there)) == HOST.sub("Host(`…`)", value)


def _production(text):
    return re.sub("|".join(map(re.escape, NAMES)), lambda found: NAMES[found[0]], text)


def _told(value):
    return "missing" if value is None else f"`{value}`"
