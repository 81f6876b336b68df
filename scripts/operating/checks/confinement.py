"""What a container may: nothing that it doesn't need, and to end in its own time."""

import os
import re

from .source import Item
from .stack import FRONT, WORKER
from .verdict import fault, hold

#: For each service the variables of its grace, and the seconds that it needs besides: to end codex, and what is left.
GRACE = {WORKER: (("WORKER_SHUTDOWN_GRACE_MS",), 8), FRONT: (("PROXY_SHUTDOWN_GRACE_MS", "WORKER_SHUTDOWN_GRACE_MS"), 5)}
GRACE_MS = 10_000
#: Docker's own, where none is given.
STOP = 10.0
UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0.000001, "µs": 0.000001, "ns": 0.000000001}
#: Who mounts one of these has Docker's socket, and with it the host.
SOCKETS = ("/", "/run", "/var", "/var/run")


def check(stack):
    """Containers: no root, no capability, nothing of the host's, started again when they end, stopped in their own time, with a
    tag on their image."""
    for service in stack.services.values():
        yield from _confined(service)
        yield from _host(service)
        if service.name in GRACE:
            yield _grace(service)
        yield _image(service)


def _confined(service):
    has = service.rendered
    user = str(has.get("user") or service.image["user"] or "")
    uid = user.partition(":")[0]
    yield hold(
        f"{service.name} is not root",
        service.at("user"),
        uid.isdigit() and int(uid) != 0,
        f'{service.name} runs as `{user or "root"}`: give it the number of a user, such as `user: "10001:10000"`',
    )
    yield hold(
        f"{service.name} has a read-only root",
        service.at("read_only"),
        has.get("read_only") is True,
        f"{service.name} can write to what it runs from: set `read_only: true`",
    )
    yield hold(
        f"{service.name} has no capability",
        service.at("cap_add") if has.get("cap_add") else service.at("cap_drop"),
        "ALL" in [str(name).upper() for name in has.get("cap_drop") or []] and not has.get("cap_add"),
        f"{service.name} keeps capabilities: set `cap_drop: [ALL]`, and no `cap_add`",
    )
    yield hold(
        f"{service.name} gains no privileges",
        service.at("security_opt"),
        any(re.fullmatch(r"no-new-privileges([:=]true)?", str(option)) for option in has.get("security_opt") or []),
        f'{service.name} could gain privileges: set `security_opt: ["no-new-privileges:true"]`',
    )
    restart = str(has.get("restart") or "no")
    yield hold(
        f"{service.name} is started again",
        service.at("restart"),
        restart in ("always", "unless-stopped"),
        f"{service.name} has `restart: {restart}` and stays down once it has ended: set unless-stopped",
    )


def _host(service):
    has = service.rendered
    yield hold(
        f"{service.name} is not privileged",
        service.at("privileged"),
        not has.get("privileged"),
        f"{service.name} is privileged, and so is root on the host: take it out",
    )
    for name in ("network_mode", "pid", "ipc"):
        value = str(has.get(name) or "")
        # A container's or a service's is somebody else's just as well.
        foreign = value == "host" or value.startswith(("container:", "service:"))
        yield hold(
            f"{service.name} has a {name} of its own",
            service.at(name),
            not foreign,
            f"{service.name} has `{name}: {value}`, which isn't its own: take it out",
        )
    for mount in service.mounts:
        source = os.path.normpath(mount.source) if mount.source else ""
        if mount.kind == "bind" and (source in SOCKETS or os.path.basename(source) in ("docker.sock", "containerd.sock")):
            problem = (
                f"{service.name} has {source} of the host, and Docker's socket with it: whoever has that is root; take it out"
            )
            yield fault(service.at("volumes", Item(mount.target, mount.source)), problem)


def _grace(service):
    names, more = GRACE[service.name]
    text = next((value for value in map(service.variable, names) if value), str(GRACE_MS))
    stop = service.rendered.get("stop_grace_period")
    seconds = STOP if stop is None else duration(str(stop))
    needed = (int(text) if text.isdigit() else GRACE_MS) / 1000 + more
    return hold(
        f"{service.name} has {needed:g} s to stop",
        service.at("stop_grace_period"),
        seconds is not None and seconds >= needed,
        f"{service.name} is killed {stop or f'{STOP:g}s'} after SIGTERM, but needs {needed:g} s for what runs ({names[0]} and "
        f"{more} s): set `stop_grace_period: {needed:g}s` or longer",
    )


def duration(text):
    """The seconds of one of Go's durations, such as `1m30s`; None where it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)", text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def _image(service):
    image = str(service.rendered.get("image") or "")
    last = image.rpartition("/")[2]
    tag = last.partition("@")[0].partition(":")[2]
    pinned = "@sha256:" in last or (tag and (tag != "latest" or "build" in service.rendered))
    return hold(
        f"{service.name}'s image has a tag",
        service.at("image"),
        bool(pinned),
        f"{service.name} has the image `{image or 'none'}`, which names no version: give it a tag, so that there is one "
        "to go back to (`latest` is good for what is built here alone)",
    )
