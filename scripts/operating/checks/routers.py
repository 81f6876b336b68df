"""The four routers: there, in their order, and each with exactly the requests that it is for."""

from .labels import Labels
from .rules import Request, Rule, RuleError, winner
from .verdict import fault, hold

API, PREFLIGHT, MODELS, HEALTH = ROUTERS = ("codex-api", "codex-preflight", "codex-models", "codex-health")
PORT = "11435"

_CHATS = [Request("POST", f"/v1/{name}") for name in ("chat/completions", "completions", "responses")]
_RESPONSES = [Request("GET", "/v1/responses/resp_1"), Request("DELETE", "/v1/responses/resp_1")]
_PREFLIGHTS = [Request("OPTIONS", path) for path in ("/v1/chat/completions", "/v1/models", "/v1/responses/resp_1")]
_MODELS = [Request(method, path) for method in ("GET", "HEAD") for path in ("/v1/models", "/v1/models/codex-5")]
_HEALTH = [Request(method, path) for path in ("/healthz", "/readyz", "/livez", "/health") for method in ("GET", "HEAD")]
#: What each is for.
ITS = {API: _CHATS + _RESPONSES, PREFLIGHT: _PREFLIGHTS, MODELS: _MODELS, HEALTH: _HEALTH}
#: The internal listener's routes. The front's public one answers them with 404; no rule leads to them in the first place.
INTERNAL = [
    Request(method, path)
    for path in ("/metrics", "/verify", "/internal/maintenance", "/internal/app-server")
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS")
]
REMEDY = {
    API: "Host(`…`) && PathPrefix(`/v1/`)",
    PREFLIGHT: "Host(`…`) && PathPrefix(`/v1/`) && Method(`OPTIONS`)",
    MODELS: "Host(`…`) && PathPrefix(`/v1/models`) && (Method(`GET`) || Method(`HEAD`))",
    HEALTH: "Host(`…`) && (Path(`/healthz`) || Path(`/readyz`) || Path(`/livez`) || Path(`/health`))",
}


def check(stack):
    """The routers codex-api, codex-preflight, codex-models, codex-health: names, order, rules, entry points, TLS, service."""
    labels = Labels(stack.front, stack.source)
    routers = labels.named("routers")
    yield from _names(labels, routers)
    ours = {name: routers[name] for name in ROUTERS if name in routers}
    rules = {}
    for name, options in ours.items():
        yield from _options(labels, name, options, ours.get(API, options))
        try:
            rules[name] = Rule(options.get("rule", "")), _priority(options)
            problem = None
        except (RuleError, ValueError) as error:
            problem = f"{name}'s rule or priority can't be judged: {error}; write {REMEDY[name]}"
        yield hold(f"{name} has a rule", labels.at("routers", name, "rule"), problem is None, problem)
    for name in rules:
        yield from _rule(labels, name, rules)
    for name, options in labels.named("services").items():
        yield _port(labels, name, options)


def _names(labels, routers):
    for name in ROUTERS:
        yield hold(
            f"there is a router {name}",
            labels.at("routers", name, ""),
            name in routers,
            f"the router {name} is missing: add its labels, with the rule {REMEDY[name]}",
        )
    present = [name for name in routers if name in ROUTERS]
    expected = [name for name in ROUTERS if name in routers]
    wrong = next((name for name, other in zip(present, expected, strict=True) if name != other), None)
    yield hold(
        "the routers stand in their order",
        labels.at("routers", wrong, "") if wrong else labels.at(),
        wrong is None,
        f"{wrong} is out of its place: the order is {', '.join(ROUTERS)}",
    )
    for name in routers:
        if name not in ROUTERS:
            problem = f"the router {name} is none of the four ({', '.join(ROUTERS)}): take it out"
            yield fault(labels.at("routers", name, ""), problem)


def _options(labels, name, options, api):
    entry = options.get("entrypoints", "")
    yield hold(
        f"{name} has the entry points of {API}",
        labels.at("routers", name, "entrypoints"),
        bool(entry) and entry == api.get("entrypoints"),
        f"{name} has the entry points `{entry}`, {API} has `{api.get('entrypoints', '')}`: give all four the same",
    )
    yield hold(
        f"{name} speaks TLS",
        labels.at("routers", name, "tls"),
        options.get("tls") == "true",
        f'{name} would be served without TLS: set its label tls: "true"',
    )
    service = options.get("service", "").removesuffix("@docker")
    defined = labels.named("services").get(service)
    yield hold(
        f"{name} leads to a service",
        labels.at("routers", name, "service"),
        defined is not None,
        f"{name} leads to the service `{service}`, which this file doesn't define: name the front's",
    )


def _port(labels, name, options):
    exposed = labels.service.exposed()
    # Without a label Traefik takes the lowest that the container has.
    port = options.get("loadbalancer.server.port") or str(min(exposed, default="none"))
    return hold(
        f"the service {name} has port {PORT}",
        labels.at("services", name, "loadbalancer.server.port"),
        port == PORT,
        f"the service `{name}` has port {port}, but the front's listener has {PORT}: name it in loadbalancer.server.port",
    )


def _priority(options):
    # 0 is Traefik's word for the rule's length.
    return int(options.get("priority") or 0) or None


def _rule(labels, name, rules):
    rule, _ = rules[name]
    hosts = rules.get(API, rules[name])[0].hosts
    at = labels.at("routers", name, "rule")
    yield hold(
        f"{name} has the host of {API}",
        at,
        bool(rule.hosts) and rule.hosts == hosts,
        f"{name} is for {_list(rule.hosts) or 'any host'}, {API} for {_list(hosts) or 'any host'}: give all four one Host(`…`)",
    )

    def matching(requests, host):
        return [request for request in requests if rule.matches(request._replace(host=host))]

    others = [request for other, requests in ITS.items() if other != name for request in requests]
    # codex-api's rule has the preflights and the models in it; that theirs go before it is asked below.
    others = _HEALTH if name == API else others
    yield hold(
        f"{name} leaves other hosts alone",
        at,
        not matching(ITS[name] + others + INTERNAL, "other.invalid"),
        f"{name}'s rule matches whatever the host: write {REMEDY[name]}",
    )
    for host in sorted(rule.hosts):
        missed = [request for request in ITS[name] if not rule.matches(request._replace(host=host))]
        yield hold(f"{name} has its requests", at, not missed, f"{name}'s rule misses {_list(missed)}: write {REMEDY[name]}")
        public = matching(INTERNAL, host)
        yield hold(
            f"{name} keeps away from the internal listener's routes",
            at,
            not public,
            f"{name}'s rule matches {_list(public)}, which must not be public: write {REMEDY[name]}",
        )
        wrong = matching(others, host)
        yield hold(
            f"{name} has no requests of the others",
            at,
            not wrong,
            f"{name}'s rule matches {_list(wrong)}, which are not its own: write {REMEDY[name]}",
        )
        yield _first(labels, name, rules, [request._replace(host=host) for request in ITS[name] if request not in missed])


def _first(labels, name, rules, requests):
    """Whether this router gets these requests, which its rule matches."""
    beaten = next((request for request in requests if winner(rules, request) != name), None)
    by = winner(rules, beaten) if beaten else None
    # A priority that somebody set is what is wrong, whosever it is.
    set_by = next((one for one in (name, by, *rules) if one in rules and rules[one][1] is not None), None)
    return hold(
        f"{name} goes before the others where its rule matches",
        labels.at("routers", set_by, "priority") if set_by and beaten else labels.at("routers", name, "rule"),
        beaten is None,
        f"{by or 'chance'} takes {beaten} away from {name}: the longer rule wins, or the higher priority; "
        "leave priorities out and write the rules in full",
    )


def _list(things):
    things = sorted(str(thing) for thing in things)
    return ", ".join(things[:4]) + (f" and {len(things) - 4} more" if len(things) > 4 else "")
