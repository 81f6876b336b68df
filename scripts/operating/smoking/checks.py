"""What is asked of the door, one request for each check, and by what its answer is judged."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from . import judging, streams
from .curl import Request

CHAT = "/v1/chat/completions"
#: Seconds for each request that asks no model.
QUICK = 10
#: A browser's question before a page's own request.
ASKED = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization, content-type"))
#: The checks whose answers are kept under the playbook's names, too.
JSON, STREAM = "json", "stream"


@dataclass(frozen=True)
class Check:
    """A request, and the judge of its answer, which raises `Wrong` or gives a note."""

    name: str
    request: Request
    judge: Callable


@dataclass(frozen=True)
class Wanted:
    """What the checks depend on."""

    key: str
    model: str
    prompt: str
    timeout: float
    stream_timeout: float
    #: A page's origin; `None` leaves the checks for browsers out.
    page: str | None = None
    protected_models: bool = False


def all_checks(wanted):
    """The checks, in the order in which they are made."""
    quick = min(QUICK, wanted.timeout)
    key, page, chat = wanted.key, wanted.page, body(wanted)

    def get(name, path, judge, key=None, headers=()):
        return Check(name, Request("GET", path, quick, key, headers), judge)

    def post(name, path, key, body):
        return Check(name, Request("POST", path, quick, key, (), body), judging.refused)

    # Without a key where none is needed: that it is not asked for is part of what is checked.
    models_key = key if wanted.protected_models else None
    found = [get(name, f"/{name}", judging.health) for name in ("healthz", "readyz", "livez")]
    found.append(get("models", "/v1/models", judging.models, models_key))
    found.append(get("model", f"/v1/models/{quote(wanted.model, safe='')}", judging.model(wanted.model), models_key))
    if wanted.protected_models:
        found.append(get("models-no-key", "/v1/models", judging.refused))
    if page is not None:
        asking = (("Origin", page), *ASKED)
        found.append(Check("preflight", Request("OPTIONS", CHAT, quick, None, asking), judging.preflight(page)))
        found.append(get("cors", "/v1/models", judging.cors(page), models_key, (("Origin", page),)))
    # Whole requests, so that a door that is open answers them.
    found.append(post("no-key", CHAT, None, chat))
    found.append(post("no-key-completions", "/v1/completions", None, {"model": wanted.model, "prompt": wanted.prompt}))
    found.append(post("wrong-key", CHAT, f"sk-wrong-{secrets.token_hex(16)}", chat))
    # With the key: nobody may get there from outside, whoever it is.
    for name, path in (("metrics", "/metrics"), ("verify", "/verify"), ("maintenance", "/internal/maintenance")):
        found.append(get(f"hidden-{name}", path, judging.hidden, key))
    found.append(get("unknown-route", "/v1/no-such-route", judging.not_found, key))
    return found + chats(wanted)


def chats(wanted):
    """The two that ask the model."""
    return [
        Check(JSON, Request("POST", CHAT, wanted.timeout, wanted.key, (), body(wanted)), judging.completion),
        Check(STREAM, Request("POST", CHAT, wanted.stream_timeout, wanted.key, (), body(wanted, True)), streams.completion),
    ]


def body(wanted, stream=False):
    told = {"model": wanted.model, "stream": stream, "messages": [{"role": "user", "content": wanted.prompt}]}
    return told | ({"stream_options": {"include_usage": True}} if stream else {})


def written(told):
    """A body as it is sent."""
    return json.dumps(told)


def alive(limit):
    """Whether a front listens, asked without a key."""
    return Check("livez", Request("GET", "/livez", limit), judging.health)
