"""Who reaches what: networks, published ports, and the address of the internal listener."""

import ipaddress

from .source import Item
from .verdict import fault, hold

TRAEFIK = "traefik"
LOOPBACK = "127.0.0.1"
PUBLIC, INTERNAL = "11435", "18080"


def check(stack):
    """Networks: the front alone in Traefik's, which is external; the ports 11435 and 18080 on 127.0.0.1 and no other; the
    internal listener in a network that Traefik isn't in."""
    yield from _traefik(stack)
    for service in stack.services.values():
        for port in service.ports:
            yield _port(stack, service, port)
    yield from _published(stack)
    yield from _listeners(stack)


def _traefik(stack):
    network = stack.networks.get(TRAEFIK)
    yield hold(
        "the network traefik is external, and has that name",
        ("networks", TRAEFIK),
        # Compose leaves out what nobody is in; that the front is, is asked next.
        network is None or (bool(network.get("external")) and network.get("name") == TRAEFIK),
        "the network traefik must be Traefik's own: `traefik: {name: traefik, external: true}`",
    )
    yield hold(
        "the front is in the network traefik",
        stack.front.at("networks"),
        TRAEFIK in stack.front.networks,
        "the front is not in the network traefik, so Traefik can't reach it: add it below `networks`",
    )
    for other in stack.others(stack.front):
        theirs = _theirs(stack, other)
        yield hold(
            f"{other.name} is not in the network traefik",
            other.at("networks", *theirs[:1]),
            not theirs,
            f"{other.name} is in the network traefik, where other people's containers reach it: take it out",
        )


def _theirs(stack, service):
    """Under which names a service is in Traefik's network: a second one in the file may stand for the same network."""
    return [name for name in service.networks if TRAEFIK in (name, stack.networks.get(name, {}).get("name"))]


def _port(stack, service, port):
    host, published, target = (str(port.get(name) or "") for name in ("host_ip", "published", "target"))
    at = service.at("ports", Item(host, published, target))
    if service is not stack.front or published not in (PUBLIC, INTERNAL) or published != target:
        told = f"{published or 'a port of chance'} (of {target} in the container)"
        problem = f"{service.name} publishes {told}: the front's {PUBLIC} and {INTERNAL} are all that may be; take it out"
        return fault(at, problem)
    return hold(
        f"{published} is published on {LOOPBACK} alone",
        at,
        host == LOOPBACK and port.get("protocol", "tcp") == "tcp",
        f"port {published} is published on {host or 'all addresses'}: Traefik is to be the only way in; write "
        f'"{LOOPBACK}:{published}:{published}"',
    )


def _published(stack):
    there = {(str(port.get("published")), str(port.get("target"))) for port in stack.front.ports}
    reasons = {PUBLIC: "health checks of this host ask there", INTERNAL: "Traefik's ForwardAuth asks there"}
    for port, reason in reasons.items():
        yield hold(
            f"the front publishes {port}",
            stack.front.at("ports"),
            (port, port) in there,
            f'port {port} is not published, but {reason}: add "{LOOPBACK}:{port}:{port}"',
        )


def _listeners(stack):
    front = stack.front
    host = front.variable("PROXY_HOST", LOOPBACK)
    yield hold(
        "the public listener can be reached from Traefik",
        front.at("environment", "PROXY_HOST"),
        front.variable("PORT", PUBLIC) == PUBLIC and not _address(host, "is_loopback"),
        f"the public listener is at {host}:{front.variable('PORT', PUBLIC)}: Traefik asks the container's address at {PUBLIC}; "
        "leave PROXY_HOST and PORT to the image",
    )
    at = front.at("environment", "PROXY_INTERNAL_ADDR")
    address = front.variable("PROXY_INTERNAL_ADDR")
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    problem = None
    if port != INTERNAL:
        problem = f"PROXY_INTERNAL_ADDR is `{address}`: its port must be {INTERNAL}, the one that is published"
    elif host in ("", "*", "0") or _address(host, "is_unspecified"):
        problem = (
            f"PROXY_INTERNAL_ADDR is `{address}`, every address of the container: whoever is in the network traefik could read "
            f"/metrics; name an alias that the front has in the network `internal` alone"
        )
    elif host == "localhost" or _address(host, "is_loopback"):
        problem = f"PROXY_INTERNAL_ADDR is `{address}`, which the published port {INTERNAL} doesn't lead to: name the alias"
    yield hold("the internal listener has an address of its own", at, problem is None, problem)
    if problem is None:
        yield from _internal(stack, host, at)


def _internal(stack, host, at):
    front = stack.front
    # What Docker itself resolves in every network of the container.
    everywhere = {front.name, front.rendered.get("container_name"), front.rendered.get("hostname")}
    having = [name for name, settings in front.networks.items() if host in _names(settings)]
    good = len(having) == 1 and having[0] not in _theirs(stack, front) and host not in everywhere
    wrong = next((name for name in having if name in _theirs(stack, front)), None)
    yield hold(
        "the internal listener is in one network, and not in traefik",
        front.at("networks", wrong, "aliases", Item(host)) if wrong else at if not having else front.at("networks", having[0]),
        good,
        f"{host}, where the internal listener is, {_told(having, host in everywhere)}: make it an alias of the front in the "
        "network `internal` and nowhere else",
    )
    if not good:
        return
    network = having[0]
    sharing = [other for other in stack.others(front) if network in other.networks]
    yield hold(
        f"nobody else is in the network {network}",
        sharing[0].at("networks", network) if sharing else front.at("networks", network),
        not sharing,
        f"{', '.join(other.name for other in sharing)} is in {network}, and so reaches the internal listener: take it out",
    )
    first = min(front.networks, key=lambda name: (-(front.networks[name].get("gw_priority") or 0), _docker_name(stack, name)))
    yield hold(
        f"ports are published through the network {network}",
        front.at("networks", network),
        first == network and not stack.networks.get(network, {}).get("internal"),
        f"Docker publishes ports through the first network by name that isn't `internal: true`, which is not {network} "
        f"({_docker_name(stack, network)}): 18080 would lead where nobody listens; give it a name that comes "
        "before traefik",
    )


def _docker_name(stack, network):
    return stack.networks.get(network, {}).get("name") or network


def _names(settings):
    addresses = [settings.get("ipv4_address"), settings.get("ipv6_address")]
    return [*(settings.get("aliases") or []), *(address for address in addresses if address)]


def _told(having, everywhere):
    if everywhere:
        return "stands for the front in all its networks"
    return f"is the front's in {', '.join(having)}" if having else "is no alias of the front in any network"


def _address(text, what):
    try:
        return getattr(ipaddress.ip_address(text), what)
    except ValueError:
        return False
