"""What the stack's own settings say of the checks, where no option does: the front behind the door was started with them."""

import re
from urllib.parse import urlsplit

from ..cli import USAGE, Failure, say

PROTECT, CORS, ORIGINS = "PROXY_PROTECT_MODELS", "PROXY_ENABLE_CORS", "PROXY_CORS_ALLOWED_ORIGINS"
PAGE = "https://smoke.example"
#: As both programs read them.
WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
#: Ports that browsers leave out of an origin.
USUAL = {"http": 80, "https": 443}


def protected(flag, settings):
    """Whether models need a key."""
    if flag is not None:
        return flag
    on = _boolean(settings, PROTECT, False)
    if on:
        _note(f"{PROTECT} is on: models need a key")
    return on


def page(flag, named, settings):
    """The origin of the page that a browser would be on; none where the checks for browsers are left out. A page that was
    named is asked for, whatever the setting says."""
    if flag is False:
        return None
    if flag is None and named is None and not _boolean(settings, CORS, True):
        # What Traefik's middleware adds by itself is no promise of the front, so that it is missing isn't asked for, either.
        _note(f"{CORS} is off: what browsers need is left out")
        return None
    if named is not None:
        return named
    listed = [word.strip() for word in (settings.get(ORIGINS) or "").split(",") if word.strip()]
    if not listed or "*" in listed:
        return PAGE
    origin = _normal(listed[0])
    _note(f"{ORIGINS} is a list: the page is on {origin}")
    return origin


def _boolean(settings, name, default):
    text = settings.get(name)
    if text is None:
        return default
    if text.lower() not in WORDS:
        raise Failure(f"{name} must be one of {', '.join(WORDS)}", USAGE)
    return WORDS[text.lower()]


def _normal(text):
    """An origin as browsers send it, and as the front therefore reads the setting."""
    wrong = Failure(f"{ORIGINS} must be `*` or origins such as https://app.example.com", USAGE)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    if not parts.hostname or "@" in parts.netloc or parts.path.strip("/") or re.search(r"[^!-~]|[*?#]", text):
        raise wrong
    if parts.scheme not in USUAL:
        return text.rstrip("/")
    host = parts.netloc.lower() if port is None else parts.netloc.lower().rpartition(":")[0]
    host = host.removesuffix(":")
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, USUAL[parts.scheme]) else "")


def _note(text):
    say(f"note    {text}")
