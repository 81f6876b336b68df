"""The state: `.codex-api/` in the worker alone and writable there, the socket shared, and the sandbox's settings."""

import os

from .source import Item
from .stack import WORKER, Mount
from .verdict import hold

#: What the playbook holds fixed, in both services.
SANDBOX = {"PROXY_SANDBOX_MODE": "danger-full-access", "PROXY_CODEX_WORKDIR": "/tmp/codex-work"}
FOLDER = ".codex-api"
REMEDY = "mount .codex-api/ at CODEX_HOME with `type: bind`, and without `read_only`"


def check(stack):
    """.codex-api/ mounted read-write into the worker at CODEX_HOME and into nothing else, the socket's volume shared, and
    PROXY_SANDBOX_MODE and PROXY_CODEX_WORKDIR as they must be."""
    for service in (stack.worker, stack.front):
        for name, value in SANDBOX.items():
            there = service.variable(name)
            yield hold(
                f"{service.name} has {name}={value}",
                service.at("environment", name),
                there == value,
                f"{service.name} has {name} {f'`{there}`' if there else 'not set'}: it must be {value}",
            )
    yield from _home(stack)
    yield from _socket(stack)


def home(worker):
    """What is mounted at the worker's CODEX_HOME; None where nothing is."""
    folder = worker.variable("CODEX_HOME")
    return next(
        (mount for mount in worker.mounts if folder and os.path.normpath(mount.target) == os.path.normpath(folder)), None
    )


def _home(stack):
    worker, folder, mount = stack.worker, stack.worker.variable("CODEX_HOME"), home(stack.worker)
    yield hold(
        "it is known where CODEX_HOME is",
        worker.at("environment", "CODEX_HOME"),
        folder.startswith("/"),
        f"CODEX_HOME is {f'`{folder}`' if folder else 'not set'}, in the image too: set it to a whole path",
    )
    problem = None
    if mount is None:
        problem = f"nothing is mounted at CODEX_HOME ({folder}), so the login would go with the container: {REMEDY}"
    elif mount.kind != "bind":
        problem = f"CODEX_HOME ({folder}) is a {mount.kind}, and not the folder .codex-api/: {REMEDY}"
    elif mount.read_only:
        problem = f".codex-api/ is mounted read-only, but codex renews its login and writes its state there: {REMEDY}"
    elif os.path.basename(os.path.normpath(mount.source)) != FOLDER and not stack.settings.get("CODEX_HOME_DIR"):
        problem = f"what is mounted at CODEX_HOME is {mount.source}: {REMEDY}; CODEX_HOME_DIR names it where it lies elsewhere"
    place = worker.at("volumes", Item(mount.target, mount.source)) if mount else worker.at("volumes")
    # In a mapping that says so, the line is that of the word itself.
    if mount and mount.read_only and stack.source.text_of(*place, "read_only"):
        place = (*place, "read_only")
    yield hold(".codex-api/ is mounted read-write at CODEX_HOME", place, problem is None, problem)
    yield from _login(stack, mount)


def _login(stack, mount):
    folders = {mount.source} if mount and mount.kind == "bind" else set()
    for other in stack.others(stack.worker):
        shown = [one for one in other.mounts if _is_home(one.source) or any(one.shows(folder) for folder in folders)]
        shown += [
            files[name]
            for kind in ("secrets", "configs")
            for files in [_files(stack, other, kind)]
            for name in files
            if _is_home(files[name].source) or any(files[name].shows(folder) for folder in folders)
        ]
        yield hold(
            f"{other.name} has nothing of .codex-api/",
            other.at("volumes", Item(shown[0].target, shown[0].source)) if shown else other.at("volumes"),
            not shown,
            f"{other.name} sees .codex-api/, and so the login ({', '.join(one.target for one in shown)}): {WORKER} alone may; "
            "take it out",
        )


def _is_home(source):
    return FOLDER in source.split("/")


def _files(stack, service, kind):
    """The files of the host that a service has as secrets or configs, as mounts."""
    found = {}
    for use in service.rendered.get(kind) or []:
        file = ((stack.rendered.get(kind) or {}).get(use.get("source")) or {}).get("file")
        if file:
            found[use["source"]] = Mount({"type": "bind", "source": file, "target": use.get("target") or use["source"]})
    return found


def _socket(stack):
    found = {}
    for service in (stack.worker, stack.front):
        sockets = [socket for socket in service.variable("WORKER_SOCKET").split(",") if socket.strip()]
        folder = os.path.dirname(sockets[0].strip()) if sockets else ""
        mount = next((mount for mount in service.mounts if folder and os.path.normpath(mount.target) == folder), None)
        found[service.name] = mount
        yield hold(
            f"{service.name} has the socket's volume",
            service.at("volumes"),
            mount is not None,
            f"{service.name} has no volume where its WORKER_SOCKET is ({folder or 'it is not set'}): mount the socket's",
        )
    mine, theirs = found[stack.worker.name], found[stack.front.name]
    if mine and theirs:
        yield hold(
            "both have the same socket's volume",
            stack.front.at("volumes", Item(theirs.target, theirs.source)),
            (mine.kind, mine.source) == (theirs.kind, theirs.source),
            f"the front looks for the socket in {theirs.source}, the worker makes it in {mine.source}: name the same volume",
        )
        yield hold(
            "the worker can make the socket",
            stack.worker.at("volumes", Item(mine.target, mine.source)),
            not mine.read_only,
            "the socket's volume is read-only in the worker, which makes the socket: take `:ro` away",
        )
