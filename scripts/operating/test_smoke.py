"""`scripts/smoke` against a front that is well, and its settings."""

import json
import os
import subprocess
import sys
import unittest

from operating.smoking.testing.fake import KEY, Fake, Reply, as_json
from operating.smoking.testing.runner import LIMIT, NAMES, SCRIPT, Smoke


class Good(Smoke):
    def test_a_good_front_passes(self):
        with Fake() as fake:
            ran = self.smoke("prod", "--url", fake.url)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertEqual([line.split()[:2] for line in ran.stdout.splitlines()[: len(NAMES)]], [["ok", name] for name in NAMES])
        self.assertIn("18 tokens in 3 deltas", ran.stdout)
        self.assertEqual([check["name"] for check in self.summary()["checks"]], NAMES)
        self.assertEqual(self.summary()["failed"], 0)

    def test_the_key_goes_only_where_it_must(self):
        with Fake() as fake:
            self.smoke("prod", "--url", fake.url)
        keyed = {name for name, given, _ in fake.asked if given == f"Bearer {KEY}"}
        self.assertEqual(keyed, {"hidden-metrics", "hidden-verify", "hidden-maintenance", "unknown-route", "json", "stream"})
        given = {name: given for name, given, _ in fake.asked}
        self.assertIsNone(given["no-key"])
        self.assertRegex(given["wrong-key"], r"^Bearer sk-wrong-[0-9a-f]{32}$")

    def test_what_is_asked_of_the_model(self):
        with Fake() as fake:
            self.smoke("prod", "--url", fake.url, "--prompt", 'A "quote", a \\ and\nä new line')
        told = {name: told for name, _, told in fake.asked}
        self.assertEqual(told["json"]["messages"][0]["content"], 'A "quote", a \\ and\nä new line')
        self.assertEqual((told["json"]["model"], told["json"]["stream"]), ("codex-5", False))
        self.assertEqual((told["stream"]["stream"], told["stream"]["stream_options"]), (True, {"include_usage": True}))

    def test_models_may_need_a_key(self):
        with Fake(protected_models=True) as fake:
            told = self.smoke("prod", "--url", fake.url, "--protected-models")
            untold = self.smoke("prod", "--url", fake.url)
        self.assertEqual(told.returncode, 0, told.stdout)
        self.assertIn("models-no-key", told.stdout)
        self.assertEqual(untold.returncode, 1)
        self.assertIn("3 of 16 checks FAILED: models, model, cors", untold.stderr)

    def test_models_that_are_open_are_told_where_they_should_not_be(self):
        with Fake() as fake:
            ran = self.smoke("prod", "--url", fake.url, "--protected-models")
        self.assertIn("1 of 17 checks FAILED: models-no-key", ran.stderr)

    def test_browsers_may_be_left_out(self):
        with Fake({"preflight": lambda _: Reply(404), "cors": lambda _: Reply(404)}) as fake:
            ran = self.smoke("prod", "--url", fake.url, "--no-cors")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertEqual([name for name, *_ in fake.asked], [name for name in NAMES if name not in ("preflight", "cors")])

    def test_an_alias_is_not_in_the_list_but_served(self):
        listed = as_json(200, {"object": "list", "data": [{"id": "another", "object": "model"}]})
        with Fake({"models": lambda _: listed}) as fake:
            self.assertEqual(self.smoke("prod", "--url", fake.url).returncode, 0)
            ran = self.smoke("prod", "--url", fake.url, "--model", "gpt-0")
        self.assertIn("1 of 16 checks FAILED: model\n", ran.stderr)
        self.assertRegex(ran.stdout, r"FAILED  model .*'model_not_found'")

    def test_a_length_and_maintenance_are_told_and_no_failure(self):
        def short(reply):
            return Reply(200, reply.body.replace(b'"stop"', b'"length"'), reply.headers, chunked=reply.chunked)

        def closed(reply):
            return Reply(200, reply.body.replace(b"false", b"true"), reply.headers)

        with Fake({"json": short, "stream": short, "healthz": closed}) as fake:
            ran = self.smoke("prod", "--url", fake.url)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertEqual(ran.stdout.count("; finish_reason length"), 2)
        self.assertEqual(ran.stdout.count("maintenance mode is on"), 1)

    def test_a_stream_that_is_held_back_is_told_and_no_failure(self):
        def held(reply):
            def raw(handler):
                handler.server.fake.over.wait(1.2)
                handler.write(reply)

            return Reply(200, raw=raw)

        with Fake({"stream": held}) as fake:
            ran = self.smoke("prod", "--url", fake.url)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("held back until the end", ran.stdout)


class Settings(Smoke):
    def urls(self, ran):
        """What a dry run would ask."""
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return {line.split()[2].split("/v1")[0].rstrip(",") for line in ran.stdout.splitlines() if line.startswith("json:")}

    def test_a_dry_run_asks_nothing_and_writes_nothing(self):
        with Fake() as fake:
            ran = self.smoke("dev-edge", "--url", fake.url, "--origin", fake.url, "--dry-run")
        self.assertEqual((ran.returncode, fake.asked, list(self.kept.iterdir()), self.out.exists()), (0, [], [], False))
        for name in [*NAMES, "origin-livez", "origin-json", "origin-stream"]:
            self.assertRegex(ran.stdout, rf"(?m)^{name}[:,]")
        self.assertIn(f"json: POST {fake.url}/v1/chat/completions, with the key, within 60 s", ran.stdout)
        self.assertIn("wrong-key: POST", ran.stdout)
        self.assertNotIn(KEY, ran.stdout)
        self.assertNotIn("sk-wrong", ran.stdout)

    def test_where_the_domain_is_from(self):
        self.env_file.write_text("DOMAIN=file.example\nDEV_DOMAIN=dev.file.example\n")
        dry = lambda what, **settings: self.urls(self.smoke(what, "--dry-run", **settings))  # noqa: E731
        self.assertEqual(dry("prod"), {"https://file.example"})
        self.assertEqual(dry("prod", APP_DOMAIN="app.example"), {"https://app.example"})
        self.assertEqual(dry("prod", APP_DOMAIN="app.example", DOMAIN="domain.example:8443"), {"https://domain.example:8443"})
        self.assertEqual(dry("dev"), {"https://dev.file.example"})
        self.assertEqual(dry("dev", DOMAIN="domain.example", DEV_DOMAIN="dev.example"), {"https://dev.example"})
        # Production's in the environment is not the dev stack's.
        self.assertEqual(dry("dev-edge", DOMAIN="domain.example"), {"https://dev.file.example"})
        # The playbook's own call, DOMAIN=$DEV_DOMAIN, where the file says nothing of it, or has a domain under the other name.
        for text in ("", "DOMAIN=file.example\n"):
            self.env_file.write_text(text)
            self.assertEqual(dry("dev-edge", DOMAIN="domain.example"), {"https://domain.example"})
        self.assertEqual(dry("dev"), {"https://file.example"})

    def test_where_the_key_is_from(self):
        def sent(what, **settings):
            with Fake() as fake:
                self.smoke(what, "--url", fake.url, key=None, **settings)
            return next(given for name, given, _ in fake.asked if name == "hidden-metrics").removeprefix("Bearer ")

        self.env_file.write_text('PROXY_API_KEY="of-the-file"\n')
        self.assertEqual(sent("prod"), "of-the-file")
        self.assertEqual(sent("prod", PROXY_API_KEY="proxys", KEY="ours"), "ours")
        self.assertEqual(sent("dev", KEY="ours"), "ours")
        self.assertEqual(sent("dev", KEY="ours", DEV_KEY="devs"), "devs")
        self.env_file.write_text("DEV_KEY=devs-of-the-file\nKEY=of-the-file\nPROXY_API_KEY=proxys-of-the-file\n")
        self.assertEqual(sent("dev", KEY="ours", PROXY_API_KEY="proxys"), "devs-of-the-file")
        self.assertEqual(sent("dev-edge", DEV_KEY="devs", KEY="ours"), "devs")
        self.env_file.write_text("KEY=of-the-file\nPROXY_API_KEY=proxys-of-the-file\n")
        self.assertEqual(sent("dev", PROXY_API_KEY="proxys"), "of-the-file")
        self.assertEqual(sent("prod", PROXY_API_KEY="proxys"), "proxys")
        self.assertEqual(sent("prod", KEY="", PROXY_API_KEY='a"\\key'), 'a"\\key')

    def test_limits_and_models(self):
        def described(what, *more):
            ran = self.smoke(what, "--url", "http://127.0.0.1:1", "--dry-run", *more)
            lines = ran.stdout.splitlines()
            at = {name: next(n for n, line in enumerate(lines) if line.startswith(f"{name}:")) for name in ("json", "stream", "models")}
            limits = tuple(lines[at[name]].split("within ")[1] for name in at)
            return (*limits, json.loads(lines[at["json"] + 1])["model"])

        self.assertEqual(described("prod"), ("60 s", "60 s", "10 s", "codex-5"))
        self.assertEqual(described("dev"), ("10 s", "60 s", "10 s", "codev-5"))
        self.assertEqual(described("dev-edge"), ("60 s", "60 s", "10 s", "codev-5"))
        more = ("--timeout", "2.5", "--stream-timeout", "7", "--model", "x")
        self.assertEqual(described("dev", *more), ("2.5 s", "7 s", "2.5 s", "x"))

    def test_what_is_missing_or_wrong(self):
        url = ("--url", "http://127.0.0.1:1")
        for words, settings, code, reason in (
            (("prod",), {}, 2, "set DOMAIN or APP_DOMAIN"),
            (("dev",), {}, 2, "set DEV_KEY, in"),
            (("dev",), {"DEV_KEY": "k", "DEV_PORT": "x"}, 2, "DEV_PORT is no URL"),
            (("prod", *url), {"PROXY_PROTECT_MODELS": "maybe"}, 2, "PROXY_PROTECT_MODELS must be one of 1, true"),
            (("prod", *url), {"PROXY_CORS_ALLOWED_ORIGINS": "app.example"}, 2, "PROXY_CORS_ALLOWED_ORIGINS must be"),
            (("prod", *url), {"key": None}, 2, "set KEY or PROXY_API_KEY"),
            (("dev-edge", *url), {"key": None}, 2, "set DEV_KEY or KEY or PROXY_API_KEY"),
            (("prod", *url), {"key": "two words-of-a-secret"}, 2, "the key (KEY or PROXY_API_KEY) has spaces"),
            (("prod",), {"DOMAIN": "https://x.example"}, 2, "no name of a host"),
            (("prod", "--url", "x.example"), {}, 2, "--url is no URL"),
            (("prod", "--url", "https://user:secret@x.example"), {}, 2, "--url is no URL"),
            (("prod", "--url", "https://x.example/?a"), {}, 2, "--url is no URL"),
            (("prod", "--url", "https://x.example:port"), {}, 2, "--url is no URL"),
            (("prod", *url, "--timeout", "0"), {}, 2, "a number of seconds"),
            (("prod", *url, "--timeout", "nan"), {}, 2, "a number of seconds"),
            (("prod", *url, "--resolve", "x"), {}, 2, "HOST:PORT:ADDR"),
            (("prod", *url, "--cacert", "/none"), {}, 3, "there is no file"),
            (("prod", *url, "--env-file", "/none"), {}, 3, "there is no file"),
            (("prod", *url, "--out-dir", "/none"), {}, 2, "--out-dir"),
            (("stage",), {}, 2, "invalid choice"),
        ):
            with self.subTest(words=words, settings=settings):
                ran = self.smoke_as_given(*words, **settings)
                self.assertEqual((ran.returncode, ran.stdout), (code, ""), ran.stderr)
                self.assertIn(reason, ran.stderr)
                self.assertNotIn("of-a-secret", ran.stderr)
                self.assertNotIn("Traceback", ran.stderr)

    def smoke_as_given(self, *words, key=KEY, **settings):
        """Without our own folders where the words name them."""
        full = [str(word) for word in self.command(words[0])[1:]]
        settings |= {"KEY": key} if key else {}
        command = [str(SCRIPT), *full, *words[1:]]
        return subprocess.run(
            command, env=self.environment(settings), capture_output=True, text=True, timeout=LIMIT, check=False
        )

    def test_without_curl(self):
        (self.folder / "python3").symlink_to(sys.executable)
        ran = self.smoke("prod", "--url", "http://127.0.0.1:1", PATH=str(self.folder))
        self.assertEqual((ran.returncode, ran.stderr), (3, "smoke: curl is not installed\n"))

    def test_a_curl_that_is_too_old(self):
        old = self.folder / "curl"
        old.write_text("#!/bin/sh\ncat >/dev/null\n")
        old.chmod(0o700)
        ran = self.smoke("prod", "--url", "http://127.0.0.1:1", PATH=f"{self.folder}:{os.environ['PATH']}")
        self.assertEqual(ran.returncode, 3)
        self.assertIn("curl 7.70 or newer is needed", ran.stderr)

    def test_what_curl_reads_of_its_user_changes_nothing(self):
        (self.folder / ".curlrc").write_text('url = "http://127.0.0.1:1"\nlocation\nuser-agent = "theirs"\n')
        with Fake() as fake:
            self.assertEqual(self.smoke("prod", "--url", fake.url).returncode, 0)

    def test_help_tells_the_exit_codes(self):
        ran = self.smoke("--help", key=None)
        self.assertEqual(ran.returncode, 0)
        for words in ("exit codes: 0", "DEV_DOMAIN", "--dry-run", "/tmp/nonstream.out"):
            self.assertIn(words, ran.stdout)


if __name__ == "__main__":
    unittest.main()
