"""`scripts/dev-stack` in a project of its own, with a `docker` that notes how it is called and asks for what Compose asks for."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from operating import dev_stack
from operating.cli import ROOT, Failure, Settings

LIMIT = 60
FILES = ("compose.dev.stack.yml", "docker-compose.yml")
#: Compose fails, whatever the command, where a variable that the files insist on is empty: those of the file that is extended, too.
DOCKER = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([words, dict(os.environ)]) + "\\n")
if words[:2] == ["network", "inspect"]:
    sys.exit(1)
if words[:2] == ["compose", "-f"]:
    for name in {needed!r}:
        if not os.environ.get(name):
            sys.exit(f"required variable {{name}} is missing a value")
    if "ps" in words:
        print("NAME IMAGE")
"""


class Project(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name, "project")
        shutil.copytree(ROOT / "scripts/operating", self.root / "scripts/operating")
        shutil.copy(ROOT / "scripts/dev-stack", self.root / "scripts/dev-stack")
        self.env_file, self.log = self.root / ".env.dev", self.root / "log"
        needed = {name for file in FILES for name in re.findall(r"\$\{(\w+):\?", (ROOT / "compose" / file).read_text())}
        self.assertTrue({"DOMAIN", "DEV_KEY"} <= needed, needed)
        docker = self.root / "bin/docker"
        docker.parent.mkdir()
        docker.write_text(DOCKER.format(python=sys.executable, log=str(self.log), needed=sorted(needed)))
        docker.chmod(0o755)

    def run_it(self, *words, **settings):
        self.log.unlink(missing_ok=True)
        environment = {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "HOME": str(self.root)} | settings
        command = [sys.executable, "-B", str(self.root / "scripts/dev-stack"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)

    def calls(self, *start):
        """The calls of `docker` that start so: their words and their environment."""
        told = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [(words, environment) for words, environment in told if words[: len(start)] == list(start)]

    def composed(self):
        return self.calls("compose", "-f")

    def files(self):
        return sorted(path.name for path in self.root.iterdir())


class Up(Project):
    def test_up_makes_what_is_missing(self):
        ran = self.run_it("up")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertEqual(stat.S_IMODE(self.env_file.stat().st_mode), 0o600)
        name, _, key = self.env_file.read_text().strip().partition("=")
        self.assertEqual(name, "DEV_KEY")
        self.assertRegex(key, r"^sk-dev-[0-9a-f]{48}$")
        self.assertEqual(len(self.calls("network", "create", "traefik")), 1)
        self.assertEqual([next(w for w in words if w in ("build", "up")) for words, _ in self.composed()], ["build", "up"])
        for words, environment in self.composed():
            self.assertEqual(words[3:5], ["--env-file", str(self.env_file)])
            self.assertEqual((environment["DOMAIN"], environment["DEV_DOMAIN"]), ("codex-dev.localhost",) * 2)
            self.assertEqual((environment["DEV_KEY"], environment["DEV_HOME_DIR"]), (key, str(self.root / ".codev-scripted")))
            self.assertNotIn(key, " ".join(words))
        self.assertIn("API:        https://codex-dev.localhost:8443/v1", ran.stdout)
        self.assertRegex(ran.stdout, r"(?m)^try it:     scripts/smoke dev$")
        told = ran.stdout + "".join(path.read_text() for path in (self.root / "test-results").rglob("*") if path.is_file())
        self.assertNotIn(key, told)
        owner = (self.root / ".codev-scripted/config.toml").stat().st_uid
        self.assertEqual(str(owner), self.composed()[0][1]["CODEX_UID"])
        self.run_it("up")
        self.assertEqual(self.env_file.read_text(), f"DEV_KEY={key}\n")

    def test_productions_key_and_domain_are_not_the_dev_stacks(self):
        self.env_file.write_text("PROXY_API_KEY=of-the-file\nKEY=of-the-file")
        ran = self.run_it("up", KEY="production", PROXY_API_KEY="production", DOMAIN="api.example.com")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        # On a line of its own.
        self.assertRegex(self.env_file.read_text(), r"\AP.*\nKEY=of-the-file\nDEV_KEY=sk-dev-\w+\n\Z")
        _, environment = self.composed()[-1]
        self.assertRegex(environment["DEV_KEY"], "^sk-dev-")
        self.assertEqual(environment["DOMAIN"], "codex-dev.localhost")
        # With a DOMAIN in the environment `scripts/smoke dev` alone would ask another door.
        self.assertIn("scripts/smoke dev --insecure --url https://codex-dev.localhost:8443 --resolve", ran.stdout)

    def test_the_domain_and_the_key_that_are_set(self):
        self.env_file.write_text("DEV_KEY=of-the-file\nDEV_DOMAIN=dev.example.com\nDEV_PORT=9443\n")
        ran = self.run_it("up", "--no-build")
        _, environment = self.composed()[-1]
        self.assertEqual([environment[name] for name in ("DEV_KEY", "DEV_DOMAIN", "DOMAIN")], ["of-the-file", *["dev.example.com"] * 2])
        self.assertIn("API:        https://dev.example.com:9443/v1", ran.stdout)
        self.assertIn("--url https://dev.example.com:9443 --resolve dev.example.com:9443:127.0.0.1\n", ran.stdout)
        self.run_it("up", "--no-build", DEV_KEY="ours", DEV_DOMAIN="other.example.com")
        _, environment = self.composed()[-1]
        self.assertEqual([environment[name] for name in ("DEV_KEY", "DOMAIN")], ["ours", "other.example.com"])

    def test_a_dry_run_changes_nothing(self):
        before = self.files()
        ran = self.run_it("up", "--dry-run")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual((self.composed(), self.calls("network", "create")), ([], []))
        self.assertEqual([name for name in self.files() if name != "log"], before)


class Real(Project):
    def test_a_login_is_needed(self):
        for make in (lambda: None, (self.root / ".codev").mkdir):
            make()
            if os.geteuid() == 0 and (self.root / ".codev").exists():
                os.chown(self.root / ".codev", 10001, 10000)
            ran = self.run_it("up", "--real")
            self.assertEqual(ran.returncode, 3, ran.stderr)
            self.assertIn("log in with CODEX_HOME=.codev codex login", ran.stderr)
            self.assertEqual(self.composed(), [])

    def test_the_folder_must_be_the_workers(self):
        home = self.root / ".codev"
        home.mkdir()
        (home / "auth.json").write_text("{}")
        # Only root has the worker run as another.
        worker = 10001 if os.geteuid() == 0 else os.geteuid()
        if worker != os.geteuid():
            for path in (home, home / "auth.json"):
                ran = self.run_it("up", "--real")
                self.assertEqual((ran.returncode, self.composed()), (1, []))
                self.assertIn(f"{path} belongs to uid 0, and the worker runs as 10001: `chown -R 10001:10000 .codev`", ran.stderr)
                os.chown(path, 10001, 10000)
        ran = self.run_it("up", "--real")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        _, environment = self.composed()[-1]
        self.assertEqual((environment["DEV_HOME_DIR"], environment["CODEX_UID"]), (str(home), str(worker)))

    def test_whom_the_worker_runs_as(self):
        settings = lambda **values: Settings(self.env_file, values)  # noqa: E731
        with mock.patch("os.geteuid", return_value=0):
            self.assertEqual(dev_stack._uid(settings()), 10001)
            self.assertEqual(dev_stack._uid(settings(CODEX_UID="1234")), 1234)
            self.assertRaises(Failure, dev_stack._uid, settings(CODEX_UID="me"))
        with mock.patch("os.geteuid", return_value=1000):
            self.assertEqual(dev_stack._uid(settings(CODEX_UID="1234")), 1000)

    def test_anothers_folder_is_told(self):
        owner = self.root.stat().st_uid
        dev_stack._owned(self.root, self.root, owner)
        with self.assertRaisesRegex(Failure, rf"belongs to uid {owner}, .*`chown -R {owner + 1}:10000 project`"):
            dev_stack._owned(self.root, self.root, owner + 1)


class Away(Project):
    def test_down_and_status_need_nothing(self):
        for words, command in (
            (("down",), ["--profile", "grafana", "down", "--remove-orphans"]),
            (("down", "--volumes"), ["--profile", "grafana", "down", "--remove-orphans", "--volumes"]),
            (("down", "--real"), ["--profile", "grafana", "down", "--remove-orphans"]),
            (("status",), ["ps"]),
        ):
            with self.subTest(words=words):
                before = [name for name in self.files() if name != "log"]
                ran = self.run_it(*words)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                # Without a file of settings none is read, not even one beside the compose file.
                self.assertEqual([call[3:] for call, _ in self.composed()], [["--env-file", "/dev/null", *command]])
                self.assertEqual([name for name in self.files() if name != "log"], before)
        self.assertEqual(ran.stdout.strip(), "NAME IMAGE")

    def test_help_tells_the_exit_codes(self):
        ran = self.run_it("--help")
        self.assertEqual(ran.returncode, 0)
        for words in ("exit codes: 0", "DEV_DOMAIN", "--dry-run"):
            self.assertIn(words, ran.stdout)


if __name__ == "__main__":
    unittest.main()
