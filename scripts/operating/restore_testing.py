"""What the tests of `scripts/restore` share: a backup, and archives made of its parts that are not what was kept."""

import hashlib
import io
import json
import os
import tarfile

from . import archive, restore
from .state_testing import CONFIG, LOGIN, ScriptTest

KEPT = {"config.toml": CONFIG, "auth.json": LOGIN, "sessions/a.jsonl": "{}\n", "bin/tool": "#!/bin/sh\n", "empty": ""}
PRESENT = {"config.toml": "a = 1\n", "auth.json": '{"present": true}', "extra": "x", "worker.lock": "99\n"}


class RestoreTest(ScriptTest):
    """`self.archive` is a backup of `self.home`, to be restored to `self.target`."""

    script = "restore"

    def setUp(self):
        super().setUp()
        self.home, self.target = self.folder / "kept", self.folder / "codex-api"
        self.make(self.home, KEPT)
        (self.home / "bin/tool").chmod(0o755)
        os.utime(self.home / "config.toml", (1_700_000_000, 1_700_000_000))
        self.archive = self.keep()

    def keep(self, *arguments):
        before = set(self.folder.glob("backups/*.tar.gz"))
        self.run_script("--from", self.home, "--to", self.folder / "backups", *arguments, script="backup")
        (new,) = set(self.folder.glob("backups/*.tar.gz")) - before
        return new

    def restore(self, *arguments, code=0, file=None):
        return self.run_script(file or self.archive, "--to", self.target, *arguments, code=code)

    def before(self):
        return list(self.folder.glob("codex-api.before-*"))

    def refused(self, *words, file=None, arguments=(), code=1):
        """Nothing is changed, nothing is left behind, and the words are told."""
        self.make(self.target, PRESENT)
        around, state_before = self.names(), self.tree(self.target)
        inside = [file or self.archive, "--to", self.target, *arguments, "--dry-run"]
        for said in (self.restore(*arguments, code=code, file=file), self.run_inside(restore.main, *inside, code=code)):
            for word in words:
                self.assertIn(word, said)
        self.assertEqual(self.tree(self.target), state_before)
        self.assertEqual(self.names() - {"evidence"}, around - {"evidence"})

    def names(self):
        return {path.name for path in self.folder.iterdir()}

    def write(self, data):
        """Writes an archive, with its digest."""
        self.archive.write_bytes(data)
        archive.sidecar(self.archive).write_text(f"{hashlib.sha256(data).hexdigest()}  {self.archive.name}\n")

    def parts(self):
        """The manifest and the files of the archive, to make another of."""
        with tarfile.open(self.archive) as tar:
            manifest = json.load(tar.extractfile("MANIFEST.json"))
            files = [(name, tar.extractfile(name).read()) for name in tar.getnames()[1:]]
        return manifest, files

    def build(self, manifest, members):
        """Writes an archive of members: a name and bytes, or a `TarInfo`."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
            for member in [("MANIFEST.json", text), *members]:
                if isinstance(member, tarfile.TarInfo):
                    tar.addfile(member)
                else:
                    info = tarfile.TarInfo(member[0])
                    info.size = len(member[1])
                    tar.addfile(info, io.BytesIO(member[1]))
        self.write(out.getvalue())


def owner(path):
    return path.stat().st_uid, path.stat().st_gid
