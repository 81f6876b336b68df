"""Faults of what stands before the routers."""

import re

from .making import API, AUTH, MIDDLEWARES, RULE, Fault, add, at, both, drop, swap

FAULTS = {
    "ratelimit before headers": Fault(
        swap(API, "middlewares: codex-cors,codex-ratelimit,codex-headers,codex-auth"),
        at(MIDDLEWARES["api"]),
        "the order is CORS",
    ),
    "ForwardAuth first": Fault(
        swap(API, "middlewares: codex-auth,codex-cors,codex-headers,codex-ratelimit"),
        at(MIDDLEWARES["api"]),
        "not codex-api's last",
    ),
    "no ForwardAuth": Fault(
        swap(API, API.removesuffix(",codex-auth")), at(MIDDLEWARES["api"]), "no middleware for ForwardAuth"
    ),
    "no CORS": Fault(swap(API, API.replace("codex-cors,", "")), at(MIDDLEWARES["api"]), "no middleware for CORS"),
    "no middleware at all": Fault(
        drop(MIDDLEWARES["api"]), at(RULE["api"]), "no middleware for CORS, headers, ratelimit, ForwardAuth"
    ),
    **{
        f"ForwardAuth before {name}": Fault(
            lambda text, name=name: re.sub(rf"({MIDDLEWARES[name]}.*)", r"\1,codex-auth", text),
            at(MIDDLEWARES[name]),
            f"codex-{name} is public, but codex-auth asks for a key",
        )
        for name in ("preflight", "models", "health")
    },
    "ForwardAuth hidden in a chain": Fault(
        both(
            lambda text: re.sub(rf"({MIDDLEWARES['models']}.*)", r"\1,more@docker", text),
            add(RULE["api"], "      traefik.http.middlewares.more.chain.middlewares: codex-auth"),
        ),
        at(MIDDLEWARES["models"]),
        "codex-models is public",
    ),
    "a middleware of nobody's": Fault(
        swap(API, API.replace("codex-headers", "secure@file")), at(MIDDLEWARES["api"]), "the middleware secure@file"
    ),
    "streams are held back": Fault(
        both(
            swap(API, API.replace(",codex-auth", ",held,codex-auth")),
            add(RULE["api"], '      traefik.http.middlewares.held.buffering.maxrequestbodybytes: "1000"'),
        ),
        at(MIDDLEWARES["api"]),
        "holds streams back",
    ),
    **{
        f"ForwardAuth asks {address or 'nobody'}": Fault(
            swap("http://127.0.0.1:18080/verify", address), at(f"{AUTH}address"), f"asks `{address}`"
        )
        for address in (
            "http://front:18080/verify",
            "http://localhost:18080/verify",
            "http://127.0.0.1:18081/verify",
            "http://127.0.0.1:18080/",
            "https://127.0.0.1:18080/verify",
            "",
        )
    },
    "ForwardAuth has no address": Fault(drop(f"{AUTH}address"), at(f"{AUTH}trust"), "asks ``"),
    "headers are trusted": Fault(
        swap('trustforwardheader: "false"', 'trustforwardheader: "true"'),
        at(f"{AUTH}trustforwardheader"),
        "trustforwardheader `true`",
    ),
    "headers are trusted in another spelling": Fault(
        swap('trustforwardheader: "false"', 'trustForwardHeader: "true"'),
        at(f"{AUTH}trustForwardHeader"),
        "trustforwardheader `true`",
    ),
    "a label in two spellings": Fault(
        add(f"{AUTH}trust", f'{AUTH}trustForwardHeader: "false"'), at(f"{AUTH}trustforwardheader"), "is set twice"
    ),
}
