"""Faults of networks, ports and listeners."""

from .making import FRONT_ENV, FRONT_NETS, FRONT_PORTS, INTERNAL, Fault, add, at, both, drop, swap

FAULTS = {
    "the network is not external": Fault(drop("external: true"), at("  traefik:\n"), "must be Traefik's own"),
    "the network has another name": Fault(
        swap("    name: traefik\n", "    name: web\n"), at("  traefik:\n"), "must be Traefik's own"
    ),
    "the front is not in it": Fault(swap("      traefik: {}\n", ""), at(FRONT_NETS), "the front is not in the network traefik"),
    "the worker is in it": Fault(
        swap("networks: [upstream]", "networks: [upstream, traefik]"),
        at("    networks: [upstream"),
        "worker is in the network traefik",
    ),
    "the worker is in it by another name": Fault(
        both(
            swap("networks: [upstream]", "networks:\n      edge:"),
            swap("\nvolumes:\n", "  edge: {name: traefik, external: true}\n\nvolumes:\n"),
        ),
        at("      edge:"),
        "worker is in the network traefik",
    ),
    "the worker is in the internal one": Fault(
        swap("networks: [upstream]", "networks: [upstream, internal]"),
        at("    networks: [upstream"),
        "reaches the internal listener",
    ),
    "a port for everybody": Fault(
        swap('"127.0.0.1:11435:11435"', '"0.0.0.0:11435:11435"'), at('      - "0.0.0.0'), "11435 is published on 0.0.0.0"
    ),
    "a port without a host": Fault(
        swap('"127.0.0.1:18080:18080"', '"18080:18080"'), at('      - "18080:18080"'), "18080 is published on all addresses"
    ),
    "a port in long words": Fault(
        swap('- "127.0.0.1:18080:18080"', '- {target: 18080, published: "18080"}'), at("      - {target"), "on all addresses"
    ),
    "one more port": Fault(
        add('      - "127.0.0.1:18080', '      - "127.0.0.1:19090:19090"'), at('      - "127.0.0.1:19090'), "front publishes 19090"
    ),
    "another port for the same": Fault(
        swap('"127.0.0.1:11435:11435"', '"127.0.0.1:80:11435"'), at(FRONT_PORTS, '      - "127.0.0.1:80:'), "front publishes 80"
    ),
    "a port of chance": Fault(
        add('      - "127.0.0.1:18080', '      - "18443"'), at('      - "18443"'), "a port of chance (of 18443"
    ),
    "18080 is not published": Fault(drop('"127.0.0.1:18080'), at(FRONT_PORTS), "port 18080 is not published"),
    "the worker has a port": Fault(
        swap("    networks: [upstream]\n", '    networks: [upstream]\n    ports: ["127.0.0.1:11435:11435"]\n'),
        at('    ports: ["'),
        "worker publishes 11435",
    ),
    **{
        f"the internal listener at {address}": Fault(
            swap("PROXY_INTERNAL_ADDR: internal.front:18080", f'PROXY_INTERNAL_ADDR: "{address}"'),
            at("      PROXY_INTERNAL_ADDR"),
            told,
        )
        for address, told in {
            "0.0.0.0:18080": "every address of the container",
            "[::]:18080": "every address of the container",
            "": "its port must be 18080",
            "127.0.0.1:18080": "doesn't lead to",
            "localhost:18080": "doesn't lead to",
            "internal.front:9000": "its port must be 18080",
            "front:18080": "stands for the front in all its networks",
            "172.20.0.5:18080": "is no alias of the front",
        }.items()
    },
    "the alias is in Traefik's network": Fault(
        both(
            swap("      internal:\n        aliases: [internal.front]\n", "      internal: {}\n"),
            swap("      traefik: {}\n", "      traefik:\n        aliases: [internal.front]\n"),
        ),
        at("        aliases: [internal.front]"),
        "is the front's in traefik",
    ),
    "the alias is in both": Fault(
        swap("      traefik: {}\n", "      traefik:\n        aliases: [\n          internal.front]\n"),
        at("          internal.front]"),
        "is the front's in internal, traefik",
    ),
    "no alias": Fault(
        swap("      internal:\n        aliases: [internal.front]\n", "      internal: {}\n"),
        at("      PROXY_INTERNAL_ADDR"),
        "is no alias of the front",
    ),
    "ports go through Traefik's network": Fault(
        swap("name: codex-gateway\n", "name: zebra\n"), at(INTERNAL), "which is not internal (zebra_internal)"
    ),
    "the internal network publishes nothing": Fault(
        swap("    enable_ipv6: false\n", "    internal: true\n"), at(INTERNAL), "Docker publishes ports"
    ),
    "the public listener on loopback": Fault(
        add("      PROXY_API_KEY: ", "      PROXY_HOST: 127.0.0.1"),
        at("      PROXY_HOST"),
        "the public listener is at 127.0.0.1:11435",
    ),
    "the public listener on another port": Fault(
        add("      PROXY_API_KEY: ", '      PORT: "8080"'), at(FRONT_ENV), "the public listener is at 0.0.0.0:8080"
    ),
}
