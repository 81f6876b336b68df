"""Runs the script as operators do, with folders of its own."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from ...cli import ROOT
from .fake import KEY

SCRIPT = ROOT / "scripts/smoke"
NAMES = ["healthz", "readyz", "livez", "models", "model", "preflight", "cors", "no-key", "no-key-completions", "wrong-key"]
NAMES += ["hidden-metrics", "hidden-verify", "hidden-maintenance", "unknown-route", "json", "stream"]
#: Seconds. A run that takes longer hangs.
LIMIT = 120


class Smoke(unittest.TestCase):
    """Runs the script with folders of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.kept, self.out = self.folder / "kept", self.folder / "evidence"
        self.kept.mkdir()
        self.env_file = self.folder / "env"
        self.env_file.write_text("")

    def command(self, *words):
        return [SCRIPT, *words, "--out", self.out, "--out-dir", self.kept, "--env-file", self.env_file]

    def environment(self, settings):
        # No proxy of whoever runs the tests, and none of their keys.
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | settings

    def smoke(self, *words, key=KEY, **settings):
        settings |= {"KEY": key} if key else {}
        command = [str(word) for word in self.command(*words)]
        return subprocess.run(
            command, env=self.environment(settings), capture_output=True, text=True, timeout=LIMIT, check=False
        )

    def summary(self):
        return json.loads((self.out / "summary.json").read_text())

    def check(self, name):
        return next(check for check in self.summary()["checks"] if check["name"] == name)

    def assert_key_nowhere(self, ran, key=KEY):
        told = [ran.stdout, ran.stderr]
        told += [path.read_text() for folder in (self.kept, self.out) for path in folder.rglob("*") if path.is_file()]
        self.assertTrue(all(told[2:]) and len(told) > 2)
        for text in told:
            self.assertNotIn(key, text)
