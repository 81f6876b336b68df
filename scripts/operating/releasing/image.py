"""An image as `docker image inspect` and `docker save` tell it: its settings, its history, its files. No container is made."""

import json
import posixpath
import tarfile

from .. import programs
from .checks import Wrong

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
#: More links than this lead in a circle.
MOST_LINKS = 40
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class Image:
    """One image, by the id that its name has now: what is checked is one thing, whatever is built meanwhile."""

    def __init__(self, name, folder):
        """Files that are needed on the way lie in `folder`."""
        self.name, self._folder = name, folder
        self.id = self.machine = None
        self.config, self.history = {}, []
        self.layers, self._merged = [], {}
        self._outer = None

    def load(self):
        done = programs.run(["docker", "image", "inspect", self.name])
        if done.returncode != 0:
            raise Wrong(f"docker has no image {self.name}, or does not answer: {done.stderr.strip()}")
        told = json.loads(done.stdout)[0]
        self.config = told.get("Config") or {}
        self.machine = MACHINES.get(told.get("Architecture"), told.get("Architecture"))
        saved = self._folder / "image.tar"
        done = programs.run(["docker", "save", "--output", saved, told["Id"]], limit=programs.SLOW)
        if done.returncode != 0:
            raise Wrong(f"docker can't save {self.name}: {done.stderr.strip()}")
        self._outer = tarfile.open(saved)
        self._read(self._outer)
        self.id = told["Id"]
        return f"{self.id}, {self.machine}, {len(self._merged)} files"

    def close(self):
        for archive in (*self.layers, self._outer):
            if archive is not None:
                archive.close()

    def _read(self, outer):
        [manifest] = json.load(outer.extractfile("manifest.json"))
        self.history = json.load(outer.extractfile(manifest["Config"])).get("history") or []
        for name in manifest["Layers"]:
            layer = tarfile.open(fileobj=outer.extractfile(name))
            self.layers.append(layer)
            self._merge(layer)

    def _merge(self, layer):
        """Puts a layer above those before: what it has, and what it takes away."""
        members = [("/" + posixpath.normpath(member.name).lstrip("/"), member) for member in layer]
        for path, _ in members:
            folder, name = posixpath.split(path)
            if name == OPAQUE:
                self._remove_below(folder)
            elif name.startswith(WHITEOUT):
                gone = posixpath.join(folder, name.removeprefix(WHITEOUT))
                self._merged.pop(gone, None)
                self._remove_below(gone)
        for path, member in members:
            if not posixpath.basename(path).startswith(WHITEOUT):
                if path in self._merged and not member.isdir():
                    # What stands in the place of a folder takes all that was in it.
                    self._remove_below(path)
                self._merged[path] = (layer, member)

    def _remove_below(self, folder):
        prefix = folder.rstrip("/") + "/"
        for path in [path for path in self._merged if path.startswith(prefix)]:
            del self._merged[path]

    def files(self):
        """Path and entry of all that a container sees."""
        return ((path, member) for path, (_, member) in sorted(self._merged.items()))

    def resolve(self, path):
        """The path without symbolic links, or None where nothing is there."""
        done, waiting, links = "/", [part for part in path.split("/") if part], 0
        while waiting:
            part = waiting.pop(0)
            done = posixpath.normpath(posixpath.join(done, part))
            _, member = self._merged.get(done, (None, None))
            if member is not None and member.issym():
                links += 1
                if links > MOST_LINKS:
                    return None
                waiting = [word for word in member.linkname.split("/") if word] + waiting
                done = "/" if member.linkname.startswith("/") else posixpath.dirname(done)
        return done if done in self._merged else None

    def which(self, program):
        """Where a program is, as the image's own PATH finds it; None where it isn't, or nobody may execute it."""
        if "/" in program:
            places = [posixpath.join(self.config.get("WorkingDir") or "/", program)]
        else:
            places = [posixpath.join(folder, program) for folder in self.environment.get("PATH", PATH).split(":")]
        for place in places:
            path = self.resolve(place)
            if path is None:
                continue
            member = self._merged[path][1]
            if (member.isfile() or member.islnk()) and member.mode & 0o111:
                return path
        return None

    def read(self, path):
        layer, member = self._merged[path]
        return layer.extractfile(member).read()

    @property
    def environment(self):
        return dict(entry.partition("=")[::2] for entry in self.config.get("Env") or [])

    def version_of(self, path):
        """What a program of the image says of its version: in a container without network, that writes nothing."""
        # Under the image's own user, and gone when it has ended.
        confined = ["--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        return programs.run(["docker", "run", *confined, "--entrypoint", path, self.id, "--version"])
