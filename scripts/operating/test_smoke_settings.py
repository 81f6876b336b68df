"""What `scripts/smoke` takes from the stack's settings, and where it goes when nothing names a door."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from operating.cli import ROOT
from operating.smoking.testing.certificate import certificate
from operating.smoking.testing.fake import KEY, Fake, Reply
from operating.smoking.testing.runner import LIMIT, NAMES, Smoke

LISTED = "https://App.example.com:443/ , http://localhost:5173"
BROWSERS = ("preflight", "cors")


def asked(ran):
    """The names of the checks of a dry run."""
    return [line.split(":")[0] for line in ran.stdout.splitlines() if line.split(":")[0] in (*NAMES, "models-no-key")]


class Stack(Smoke):
    """The front was started with these settings."""

    def test_models_that_need_a_key_by_the_setting(self):
        with Fake(protected_models=True) as fake:
            for word in ("1", "true", "Yes", "ON"):
                self.env_file.write_text(f"PROXY_PROTECT_MODELS={word}\n")
                ran = self.smoke("prod", "--url", fake.url)
                self.assertEqual(ran.returncode, 0, ran.stdout)
                self.assertIn("note    PROXY_PROTECT_MODELS is on: models need a key\n", ran.stdout)
                self.assertIn("models-no-key", ran.stdout)
            flag = self.smoke("prod", "--url", fake.url, "--no-protected-models")
        self.assertIn("3 of 16 checks FAILED: models, model, cors", flag.stderr)
        off = self.smoke("prod", "--url", "http://127.0.0.1:1", "--dry-run", PROXY_PROTECT_MODELS="off")
        self.assertEqual(asked(off), NAMES)
        self.assertNotIn("note", off.stdout)

    def test_browsers_are_left_out_by_the_setting(self):
        with Fake({name: lambda _: Reply(404) for name in BROWSERS}) as fake:
            ran = self.smoke("prod", "--url", fake.url, PROXY_ENABLE_CORS="false")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("note    PROXY_ENABLE_CORS is off: what browsers need is left out\n", ran.stdout)
        self.assertEqual([name for name, *_ in fake.asked], [name for name in NAMES if name not in BROWSERS])
        for words in (("--cors",), ("--page", "https://page.example")):
            ran = self.smoke("prod", "--url", "http://127.0.0.1:1", "--dry-run", *words, PROXY_ENABLE_CORS="no")
            self.assertEqual(asked(ran), NAMES)
        self.env_file.write_text("PROXY_ENABLE_CORS=on\n")
        self.assertEqual(asked(self.smoke("prod", "--url", "http://127.0.0.1:1", "--dry-run")), NAMES)

    def test_the_page_is_the_first_origin_of_the_list(self):
        def origins(*words, **settings):
            ran = self.smoke("prod", "--url", "http://127.0.0.1:1", "--dry-run", *words, **settings)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            return {line.split()[1] for line in ran.stdout.splitlines() if line.startswith("    Origin:")}, "note" in ran.stdout

        usual = ({"https://smoke.example"}, False)
        self.assertEqual(origins(), usual)
        self.assertEqual(origins(PROXY_CORS_ALLOWED_ORIGINS="*"), usual)
        self.env_file.write_text(f"PROXY_CORS_ALLOWED_ORIGINS={LISTED}\n")
        # As a browser would send it.
        self.assertEqual(origins(), ({"https://app.example.com"}, True))
        self.assertEqual(origins("--page", "https://page.example"), ({"https://page.example"}, False))
        for listed, sent in (
            ("http://localhost:5173,*.x", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("app://obsidian.md", "app://obsidian.md"),
        ):
            self.assertEqual(origins(PROXY_CORS_ALLOWED_ORIGINS=listed), ({sent}, True))

    def test_a_front_that_answers_listed_pages_alone(self):
        def listed(reply):
            return Reply(reply.status, reply.body, reply.headers | {"Access-Control-Allow-Origin": "https://app.example.com"})

        with Fake({name: listed for name in BROWSERS}) as fake:
            told = self.smoke("prod", "--url", fake.url, PROXY_CORS_ALLOWED_ORIGINS=LISTED)
            untold = self.smoke("prod", "--url", fake.url)
        self.assertEqual(told.returncode, 0, told.stdout)
        self.assertIn("FAILED: preflight, cors\n", untold.stderr)


class Project(Smoke):
    """The script in a project of its own, so that its usual files are the test's."""

    def setUp(self):
        super().setUp()
        self.root = self.folder / "project"
        shutil.copytree(ROOT / "scripts/operating", self.root / "scripts/operating")
        shutil.copy(ROOT / "scripts/smoke", self.root / "scripts/smoke")

    def command(self, *words):
        return [self.root / "scripts/smoke", *words, "--out", self.out, "--out-dir", self.kept]


class Home(Project):
    def test_the_usual_file_may_be_missing(self):
        for kind, name, settings in (
            ("prod", ".env", {"DOMAIN": "api.example", "PROXY_API_KEY": KEY}),
            ("dev", ".env.dev", {"DEV_DOMAIN": "api.example", "DEV_KEY": KEY}),
        ):
            for words in ((), ("--env-file", self.root / name), ("--env-file", self.root / "scripts/.." / name)):
                ran = self.smoke(kind, *words, "--dry-run", key=None, **settings)
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertIn("json: POST https://api.example/v1", ran.stdout)
        other = self.smoke("prod", "--env-file", self.root / ".env.dev", "--dry-run", DOMAIN="api.example")
        self.assertEqual(other.returncode, 3)
        self.assertIn("there is no file", other.stderr)

    def test_without_a_domain_it_is_the_dev_stack_of_this_host(self):
        (self.root / ".env.dev").write_text("DEV_KEY=sk-dev-0123\n")
        for kind in ("dev", "dev-edge"):
            ran = self.smoke(kind, "--dry-run")
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertIn("json: POST https://codex-dev.localhost:8443/v1/chat/completions, with the key", ran.stdout)
            self.assertEqual(ran.stdout.count("note    no DEV_DOMAIN: the dev stack of this host"), 1)
        self.assertIn("origin-json, where it listens: POST http://127.0.0.1:11436/v1", ran.stdout)
        for settings in ({"DOMAIN": "x.example"}, {"DEV_DOMAIN": "x.example"}):
            ran = self.smoke("dev", "--dry-run", **settings)
            self.assertIn("json: POST https://x.example/v1", ran.stdout)
            self.assertNotIn("note", ran.stdout)

    def test_the_dev_stack_of_this_host_gets_dev_key_alone(self):
        ran = self.smoke("dev", "--dry-run", PROXY_API_KEY="production")
        self.assertEqual(ran.returncode, 2)
        self.assertIn("set DEV_KEY, in the environment or in", ran.stderr)


class Local(Project):
    """The dev stack of this host, with a certificate of its own, under the address that the script finds by itself."""

    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.made.cleanup)
        cls.tls = certificate(Path(cls.made.name), "TRAEFIK DEFAULT CERT")

    def test_it_is_asked_without_an_option(self):
        # A domain and keys of production lie about, and a proxy.
        lying = {"PROXY_API_KEY": "production", "https_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
        with Fake(tls=self.tls) as fake:
            (self.root / ".env.dev").write_text(f"DEV_KEY={KEY}\nDEV_PORT={fake.port}\n")
            command = [str(word) for word in self.command("dev")]
            environment = self.environment(lying | {"KEY": "productions-too"})
            ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn(f"https://codex-dev.localhost:{fake.port} is well: {len(NAMES)} checks", ran.stdout)
        self.assertTrue(self.summary()["insecure"])
        self.assertFalse([given for _, given, _ in fake.asked if given and "production" in given])

    def test_any_certificate_is_taken_there_alone(self):
        with Fake(tls=self.tls) as fake:
            (self.root / ".env.dev").write_text(f"DEV_KEY={KEY}\nDEV_PORT={fake.port}\n")
            resolve = f"codex-dev.localhost:{fake.port}:127.0.0.1"
            for words in (
                ("--resolve", resolve),
                ("--cacert", self.tls[0], "--resolve", resolve),
                ("--url", f"https://codex-dev.localhost:{fake.port}", "--resolve", resolve),
            ):
                ran = self.smoke("dev", *words)
                self.assertRegex(ran.stdout, r"FAILED  json .*\(60\)")
            ran = self.smoke("dev", "--resolve", resolve, DEV_DOMAIN=f"codex-dev.localhost:{fake.port}")
            self.assertRegex(ran.stdout, r"FAILED  json .*\(60\)")
            self.assertEqual(fake.asked, [])


if __name__ == "__main__":
    unittest.main()
