"""Faults of the routers and what Traefik is told."""

import re

from .making import HOST, LABELS, MODELS, ROUTERS, RULE, Fault, add, at, both, drop, each, swap


def models_before_preflight(text):
    block = re.search(rf"(?:{re.escape(ROUTERS)}codex-models\..*\n)+", text)[0]
    text = text.replace(block, "")
    at = text.index(RULE["preflight"])
    return text[:at] + block + text[at:]


def one_option(option):
    """The front's service with this option and no other."""

    def change(text):
        changed, times = re.subn(r"(traefik\.http\.services\.codex\.loadbalancer\.).*", rf"\1{option}", text)
        assert times == 1, times
        return changed

    return change


FAULTS = {
    "health missing": Fault(drop(f"{ROUTERS}codex-health."), at(LABELS), "codex-health is missing"),
    "api missing": Fault(drop(f"{ROUTERS}codex-api."), at(LABELS), "codex-api is missing"),
    "models renamed": Fault(
        each(f"{ROUTERS}codex-models.", f"{ROUTERS}codex-list."),
        at(LABELS, f"{ROUTERS}codex-list.rule"),
        "codex-models is missing",
    ),
    "models before preflight": Fault(models_before_preflight, at(RULE["models"]), "codex-models is out of its place"),
    "preflight for every method": Fault(
        swap(" && Method(`OPTIONS`)", ""), at(RULE["preflight"], RULE["api"]), "matches DELETE /v1/responses/resp_1"
    ),
    "api has a priority": Fault(
        add(RULE["api"], f'{ROUTERS}codex-api.priority: "1000"'), at(f"{ROUTERS}codex-api.priority"), "codex-api takes OPTIONS"
    ),
    "preflight has a low priority": Fault(
        add(RULE["preflight"], f'{ROUTERS}codex-preflight.priority: "1"'),
        at(f"{ROUTERS}codex-preflight.priority"),
        "codex-api takes OPTIONS",
    ),
    "a priority that is no number": Fault(
        add(RULE["health"], f"{ROUTERS}codex-health.priority: high"), at(RULE["health"]), "codex-health's rule or priority"
    ),
    "metrics are public": Fault(
        swap("|| Path(`/health`))", "|| Path(`/health`) || Path(`/metrics`))"), at(RULE["health"]), "/metrics"
    ),
    "verify is public": Fault(swap("|| Path(`/health`))", "|| PathPrefix(`/ver`))"), at(RULE["health"]), "GET /verify"),
    "toggles are public": Fault(
        swap("PathPrefix(`/v1/`)\n", "(PathPrefix(`/v1/`) || PathPrefix(`/internal`))\n"),
        at(RULE["api"], RULE["preflight"]),
        "/internal/maintenance",
    ),
    "health has no livez": Fault(swap("Path(`/livez`) || ", ""), at(RULE["health"]), "misses GET /livez, HEAD /livez"),
    "models by GET alone": Fault(swap(" || Method(`HEAD`)", ""), at(RULE["models"]), "misses HEAD /v1/models"),
    "models for every method": Fault(
        swap(MODELS, "PathPrefix(`/v1/models`)"), at(RULE["models"]), "matches OPTIONS /v1/models"
    ),
    "models take other paths": Fault(
        swap(MODELS, "PathPrefix(`/v1/`) && (Method(`GET`) || Method(`HEAD`))"),
        at(RULE["models"], RULE["api"]),
        "GET /v1/responses/resp_1",
    ),
    "api without its paths": Fault(swap("PathPrefix(`/v1/`)\n", "PathPrefix(`/v1/chat`)\n"), at(RULE["api"]), "misses DELETE"),
    "api takes everything": Fault(swap(" && PathPrefix(`/v1/`)\n", "\n"), at(RULE["api"]), "must not be public"),
    "health on another host": Fault(
        swap(f"{HOST}(Path", "Host(`status.example.com`) && (Path"), at(RULE["health"]), "give all four one Host"
    ),
    "health on every host": Fault(swap(f"{HOST}(Path", "(Path"), at(RULE["health"]), "for any host"),
    "health on more hosts": Fault(
        swap(f"{HOST}(Path", "(!Host(`x.example.com`)) && (Path"), at(RULE["health"]), "whatever the host"
    ),
    "a rule that ends too early": Fault(
        swap("|| Path(`/health`))", "|| Path(`/health`)"), at(RULE["health"]), "a `)` is missing"
    ),
    "a matcher that can't be judged": Fault(
        swap("PathPrefix(`/v1/models`)", "PathRegexp(`^/v1/m`)"), at(RULE["models"]), "PathRegexp"
    ),
    "no rule": Fault(drop(RULE["models"]), at(f"{ROUTERS}codex-models.entrypoints"), "it ends too early"),
    "another entry point": Fault(
        swap(
            f"{ROUTERS}codex-models.entrypoints: ${{TRAEFIK_ENTRYPOINT:-websecure}}",
            f"{ROUTERS}codex-models.entrypoints: web",
        ),
        at(f"{ROUTERS}codex-models.entrypoints"),
        "the entry points `web`",
    ),
    "no TLS": Fault(
        swap(f'{ROUTERS}codex-api.tls: "true"', f'{ROUTERS}codex-api.tls: "false"'),
        at(f"{ROUTERS}codex-api.tls:"),
        "without TLS",
    ),
    "a service of nobody's": Fault(
        swap(f"{ROUTERS}codex-health.service: codex", f"{ROUTERS}codex-health.service: other"),
        at(f"{ROUTERS}codex-health.service"),
        "the service `other`",
    ),
    "the wrong port": Fault(one_option('server.port: "18080"'), at("      traefik.http.services.codex.load"), "has port 18080"),
    "a lower port than ours": Fault(
        both(one_option('passhostheader: "true"'), swap("    depends_on:", '    expose: ["80"]\n    depends_on:')),
        at("      traefik.http.services.codex.load"),
        "the service `codex` has port 80",
    ),
    "a fifth router": Fault(
        add(RULE["api"], f"{ROUTERS}back.rule: Host(`b.example.com`)"),
        at(f"{ROUTERS}back.rule"),
        "the router back is none of the four",
    ),
    "a router by TCP": Fault(
        add(RULE["api"], "      traefik.tcp.routers.back.rule: HostSNI(`*`)"),
        at("      traefik.tcp."),
        "a way around the routers",
    ),
    "Traefik is off": Fault(
        swap('traefik.enable: "true"', 'traefik.enable: "false"'), at("      traefik.enable"), "leaves the front out"
    ),
    "Traefik is not told": Fault(drop("traefik.enable"), at("    labels:\n      traefik.docker"), "leaves the front out"),
    "Traefik's network is another": Fault(
        swap("traefik.docker.network: traefik", "traefik.docker.network: web"),
        at("      traefik.docker.network"),
        "is web: set it",
    ),
    "Traefik's network is not named": Fault(drop("traefik.docker.network"), at(LABELS), "is not set"),
    "the worker is behind Traefik": Fault(
        swap("    networks: [upstream]\n", '    networks: [upstream]\n    labels: ["traefik.enable=true"]\n'),
        at("    labels: ["),
        "worker has the label",
    ),
}
