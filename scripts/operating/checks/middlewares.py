"""What stands before the routers: ForwardAuth last before the API, and nothing of it before what is public."""

from .labels import Labels
from .routers import API, ROUTERS
from .verdict import hold

VERIFY = "http://127.0.0.1:18080/verify"
#: The kinds in the order in which they must stand.
CORS, HEADERS, RATE, AUTH = KINDS = ("CORS", "headers", "ratelimit", "ForwardAuth")


def kinds(options):
    """What a middleware is, by the options that it has."""
    found = {option.partition(".")[0] for option in options}
    if "headers" in found:
        cors = any(option.startswith("headers.accesscontrol") for option in options)
        found = found - {"headers"} | {CORS if cors else HEADERS}
    names = {"ratelimit": RATE, "forwardauth": AUTH}
    return {names.get(kind, kind) for kind in found}


def check(stack):
    """Middlewares: all defined, CORS, headers and ratelimit before ForwardAuth, which is codex-api's alone and asks /verify."""
    labels = Labels(stack.front, stack.source)
    defined = labels.named("middlewares")
    for name, options in labels.named("routers").items():
        if name not in ROUTERS:
            continue
        at = labels.at("routers", name, "middlewares")
        used, missing = _flat(_split(options.get("middlewares", "")), defined)
        yield hold(
            f"{name}'s middlewares are defined",
            at,
            not missing,
            f"{name} has the middleware {', '.join(missing)}, not defined here: Traefik would not serve the router",
        )
        of = [(one, kind) for one in used for kind in sorted(kinds(defined[one]))]
        yield from (_guarded if name == API else _public)(name, at, of)
        order = [KINDS.index(kind) for _, kind in of if kind in KINDS]
        yield hold(
            f"{name}'s middlewares stand in their order",
            at,
            order == sorted(order),
            f"{name}'s middlewares stand as {', '.join(one for one, _ in of)}: the order is {', '.join(KINDS)}",
        )
        held = [one for one, kind in of if kind == "buffering"]
        yield hold(
            f"{name} holds no stream back", at, not held, f"{', '.join(held)} buffers, and holds streams back: take it out"
        )
    for name, options in defined.items():
        if AUTH in kinds(options):
            yield from _forward_auth(labels, name, options)


def _guarded(name, at, of):
    kinds_there = [kind for _, kind in of]
    missing = [kind for kind in KINDS if kind not in kinds_there]
    yield hold(
        f"{name} has {', '.join(KINDS)}",
        at,
        not missing,
        f"{name} has no middleware for {', '.join(missing)}: it has {', '.join(KINDS)}, in this order",
    )
    if AUTH in kinds_there:
        yield hold(
            f"ForwardAuth is the last before {name}",
            at,
            kinds_there[-1] == AUTH and kinds_there.count(AUTH) == 1,
            f"ForwardAuth is not {name}'s last middleware: put it at the end, once",
        )


def _public(name, at, of):
    auth = [one for one, kind in of if kind == AUTH]
    yield hold(
        f"{name} has no ForwardAuth",
        at,
        not auth,
        f"{name} is public, but {', '.join(auth)} asks for a key: take it out (PROXY_PROTECT_MODELS has the front itself ask)",
    )


def _forward_auth(labels, name, options):
    address = options.get("forwardauth.address", "")
    yield hold(
        f"{name} asks {VERIFY}",
        labels.at("middlewares", name, "forwardauth.address"),
        address == VERIFY,
        f"{name} asks `{address}`: in production it is {VERIFY}, the host's loopback",
    )
    trust = options.get("forwardauth.trustforwardheader", "false")
    yield hold(
        f"{name} trusts no header of the client's",
        labels.at("middlewares", name, "forwardauth.trustforwardheader"),
        trust == "false",
        f'{name} has trustforwardheader `{trust}`: clients could say X-Forwarded-Method: OPTIONS of a POST; set it to "false"',
    )


def _split(text):
    return [name.strip().removesuffix("@docker") for name in text.split(",") if name.strip()]


def _flat(names, defined, above=()):
    """The middlewares with those of their chains in the place of these, and those that aren't defined."""
    used, missing = [], []
    for name in names:
        if name not in defined or name in above:
            missing.append(name)
        elif "chain.middlewares" in defined[name]:
            inner, lost = _flat(_split(defined[name]["chain.middlewares"]), defined, (*above, name))
            used, missing = used + inner, missing + lost
        else:
            used.append(name)
    return used, missing
