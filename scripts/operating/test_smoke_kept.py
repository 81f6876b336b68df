"""What `scripts/smoke` keeps, where the key must not be, and TLS."""

import json
import os
import stat
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

from operating.cli import Failure
from operating.smoking import keeping
from operating.smoking.testing.certificate import certificate
from operating.smoking.testing.fake import KEY, Fake, Reply, as_json
from operating.smoking.testing.runner import LIMIT, NAMES, Smoke


class Kept(Smoke):
    def test_the_names_of_the_playbook(self):
        with Fake() as fake:
            self.smoke("prod", "--url", fake.url)
        for name, words in (("nonstream.out", "chat.completion"), ("stream.out", "data: [DONE]")):
            path = self.kept / name
            self.assertEqual(stat.S_IMODE(path.lstat().st_mode), 0o600)
            text = path.read_text()
            for part in (f"POST {fake.url}/v1/chat/completions", "HTTP/1.1 200 OK", "x-request-id: req_", words, '"time_total"'):
                self.assertIn(part, text)
        self.assertEqual(sorted(path.name for path in self.kept.iterdir()), ["nonstream.out", "stream.out"])
        self.assertEqual(sorted(path.stem for path in self.out.iterdir()), sorted([*NAMES, "summary"]))
        for path in (self.out, *self.out.iterdir()):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0)

    def test_a_link_is_replaced_and_what_it_leads_to_left(self):
        victim = self.folder / "victim"
        victim.write_text("mine")
        (self.kept / "nonstream.out").symlink_to(victim)
        (self.kept / "stream.out").symlink_to(self.folder / "nowhere")
        with Fake() as fake:
            ran = self.smoke("prod", "--url", fake.url)
        self.assertEqual((ran.returncode, victim.read_text(), (self.folder / "nowhere").exists()), (0, "mine", False))
        for name in ("nonstream.out", "stream.out"):
            self.assertTrue(stat.S_ISREG((self.kept / name).lstat().st_mode))

    def test_a_hard_link_is_not_written_through(self):
        victim = self.folder / "victim"
        victim.write_text("mine")
        os.link(victim, self.kept / "stream.out")
        with Fake() as fake:
            self.smoke("prod", "--url", fake.url)
        self.assertEqual(victim.read_text(), "mine")

    def test_what_is_no_file_ends_the_run_before_it_asks(self):
        for make in (Path.mkdir, os.mkfifo):
            with self.subTest(make=make), Fake() as fake:
                make(self.kept / "stream.out")
                ran = self.smoke("prod", "--url", fake.url)
                self.assertEqual((ran.returncode, fake.asked), (1, []))
                self.assertIn("stream.out is there and no file", ran.stderr)
                path = self.kept / "stream.out"
                path.rmdir() if path.is_dir() else path.unlink()

    def test_what_a_server_repeats_of_the_key_is_kept_nowhere(self):
        key = 'sk-"quoted"\\and/more-0123456789'

        def echo(reply):
            told = json.loads(reply.body) | {"you_sent": f"Bearer {key}"}
            return as_json(200, told, **{"Set-Cookie": "session=a-cookie", "X-Echo": key})

        def shout(reply):
            return as_json(503, {"error": {"code": key, "message": f"{key} is your key"}})

        class Keyed(Fake):
            def route(self, request, told):
                # The fake's own key is another.
                if request.headers.get("Authorization") == f"Bearer {key}":
                    request.headers.replace_header("Authorization", f"Bearer {KEY}")
                return super().route(request, told)

        with Keyed({"json": echo, "stream": shout}) as fake:
            ran = self.smoke("prod", "--url", fake.url, key=key)
        self.assertIn("FAILED: json, stream\n", ran.stderr)
        self.assertEqual(self.check("json")["problem"], "the answer has the key in it")
        self.assert_key_nowhere(ran, key)
        self.assert_key_nowhere(ran, json.dumps(key)[1:-1])
        text = (self.out / "json.txt").read_text()
        self.assertIn("x-echo: [key]", text)
        self.assertNotIn("a-cookie", text)

    def test_the_key_is_in_no_command_line(self):
        """While curl waits for an answer, its command line and that of the script are read as any user can."""
        asked, lines = threading.Event(), []

        def silent(_reply):
            def raw(handler):
                asked.set()
                handler.server.fake.over.wait(LIMIT)

            return Reply(200, raw=raw)

        with Fake({"json": silent}) as fake:
            command = [str(word) for word in self.command("prod", "--url", fake.url)]
            child = subprocess.Popen(
                command, env=self.environment({"KEY": KEY}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            self.assertTrue(asked.wait(LIMIT))
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit():
                    try:
                        lines.append((folder / "cmdline").read_bytes())
                    except OSError:
                        continue
            child.terminate()
            output, _ = child.communicate(timeout=LIMIT)
        self.assertTrue(any(b"curl\0-q\0--config\0-\0" in line for line in lines))
        self.assertFalse([line for line in lines if KEY.encode() in line])
        self.assertEqual(child.returncode, 128 + 15)
        self.assertNotIn("Traceback", output)

    def test_another_users_file_is_left(self):
        path = self.kept / "nonstream.out"
        path.write_text("theirs")
        with mock.patch("os.geteuid", return_value=os.geteuid() + 1):
            with self.assertRaisesRegex(Failure, "belongs to another user"):
                keeping.replace(path, "ours")
        self.assertEqual((path.read_text(), len(list(self.kept.iterdir()))), ("theirs", 1))

    def test_a_folder_that_takes_no_name_is_told_and_left_as_it_was(self):
        with mock.patch("os.replace", side_effect=PermissionError(1, "Operation not permitted")):
            with self.assertRaisesRegex(Failure, "stream.out can't be written: .*not permitted"):
                keeping.replace(self.kept / "stream.out", "ours")
        self.assertEqual(list(self.kept.iterdir()), [])


class Tls(Smoke):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.made.cleanup)
        cls.tls = certificate(Path(cls.made.name), "smoke", "api.test")

    def door(self, fake):
        return "--url", f"https://api.test:{fake.port}", "--resolve", f"api.test:{fake.port}:127.0.0.1"

    def test_the_certificate_is_checked(self):
        with Fake(tls=self.tls) as fake:
            good = self.smoke("prod", *self.door(fake), "--cacert", self.tls[0])
            unknown = self.smoke("prod", *self.door(fake))
            other_name = self.smoke("prod", "--url", fake.url, "--cacert", self.tls[0])
        self.assertEqual((good.returncode, good.stderr), (0, ""), good.stdout)
        for ran in (unknown, other_name):
            self.assertEqual(ran.returncode, 1)
            self.assertRegex(ran.stdout, r"FAILED  json .*\(60\)")
            self.assertIn("16 of 16 checks FAILED", ran.stderr)

    def test_insecure_is_told(self):
        with Fake(tls=self.tls) as fake:
            ran = self.smoke("prod", *self.door(fake), "--insecure")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("WARNING: --insecure", ran.stderr)
        self.assertTrue(self.summary()["insecure"])


if __name__ == "__main__":
    unittest.main()
