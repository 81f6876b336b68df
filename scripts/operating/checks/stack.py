"""The compose file as Compose renders it, with what the images add; all that the checks judge."""

import os
import re
from pathlib import Path

from . import dockerfile

WORKER, FRONT = "worker", "front"


def unescaped(value):
    """Compose writes `$` as `$$` in what it renders."""
    if isinstance(value, dict):
        return {key: unescaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [unescaped(inner) for inner in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


class Service:
    """A service: its members as they are rendered, and its variables and user with those of its image."""

    def __init__(self, name, rendered):
        self.name, self.rendered = name, rendered
        build = rendered.get("build") or {}
        self.image = build and dockerfile.image(
            os.path.join(build.get("context", "."), build.get("dockerfile") or "Dockerfile"), build.get("target")
        )
        self.image = self.image or dockerfile.NOTHING
        self.environment = {name: value or "" for name, value in (rendered.get("environment") or {}).items()}
        self.networks = {name: settings or {} for name, settings in (rendered.get("networks") or {}).items()}
        self.mounts = [Mount(settings) for settings in rendered.get("volumes") or []]
        self.labels = rendered.get("labels") or {}
        self.ports = rendered.get("ports") or []
        self.path = ("services", name)

    def exposed(self):
        """The ports that Docker says the container has: those of the image, of `expose` and of `ports`."""
        named = [*self.image["ports"], *(self.rendered.get("expose") or []), *(port.get("target") for port in self.ports)]
        return {int(found[0]) for found in (re.match(r"\d+", str(port)) for port in named) if found}

    def at(self, *steps):
        """The path of a member in the source."""
        return (*self.path, *steps)

    def variable(self, name, default=""):
        """A variable as the program sees it; an empty one is unset."""
        value = self.environment[name] if name in self.environment else self.image["environment"].get(name)
        return value or default


class Mount:
    """A volume or a folder of the host in a container."""

    def __init__(self, rendered):
        self.kind, self.source, self.target = (rendered.get(name) or "" for name in ("type", "source", "target"))
        self.read_only = bool(rendered.get("read_only"))

    def shows(self, folder):
        """Whether the folder of the host, something in it or something that it is in is mounted."""
        if self.kind != "bind":
            return False
        mine, other = Path(os.path.normpath(self.source)), Path(os.path.normpath(folder))
        return mine == other or mine in other.parents or other in mine.parents


class Stack:
    """The whole file. `source` tells where things stand in it, `settings` are the variables that it was rendered with."""

    def __init__(self, rendered, source, settings):
        rendered = unescaped(rendered)
        self.rendered, self.source, self.settings = rendered, source, settings
        self.services = {name: Service(name, service) for name, service in (rendered.get("services") or {}).items()}
        self.networks = {name: network or {} for name, network in (rendered.get("networks") or {}).items()}

    @property
    def worker(self):
        return self.services[WORKER]

    @property
    def front(self):
        return self.services[FRONT]

    def others(self, service):
        return [other for other in self.services.values() if other.name != service.name]
