"""Servers that are wrong in everything, or are none."""

import socket
import threading
import time
import unittest

from operating.smoking.testing import fake
from operating.smoking.testing.fake import KEY, Fake, Reply, as_json
from operating.smoking.testing.spoil import drip, instead, raw, status
from operating.smoking.testing.runner import LIMIT, NAMES, Smoke

HTML = Reply(200, b"<html>welcome</html>", {"Content-Type": "text/html"})
CHATS = ("json", "stream")


class Wholly(Smoke):
    """Servers that are wrong in everything."""

    def all_fail(self, url, *words, but=()):
        ran = self.smoke("prod", "--url", url, *words)
        self.assertEqual(ran.returncode, 1)
        failed = [check["name"] for check in self.summary()["checks"] if check["problem"]]
        self.assertEqual(failed, [name for name in NAMES if name not in but], ran.stdout)
        self.assertNotIn("Traceback", ran.stderr)
        return ran

    def test_nobody_listens(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ran = self.all_fail(f"http://127.0.0.1:{probe.getsockname()[1]}")
        self.assertEqual(ran.stdout.count("(7); no head"), len(NAMES))

    def test_a_host_without_an_address(self):
        self.all_fail("http://no-such-host.invalid", "--timeout", "5")

    def test_it_accepts_and_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            started = time.monotonic()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            ran = self.all_fail(url, "--timeout", "0.3", "--stream-timeout", "0.3")
        self.assertEqual(ran.stdout.count("(28); no head"), len(NAMES))
        self.assertLess(time.monotonic() - started, 60)

    def test_it_hangs_up(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def hang_up():
                while True:
                    try:
                        listener.accept()[0].close()
                    except OSError:
                        return

            thread = threading.Thread(target=hang_up, daemon=True)
            thread.start()
            self.all_fail(f"http://127.0.0.1:{listener.getsockname()[1]}")
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(LIMIT)

    def test_it_speaks_no_http(self):
        def babble(handler, _good):
            handler.wfile.write(b"220 mail.example ESMTP\r\n")

        with Fake({"*": raw(babble)}) as server:
            self.all_fail(server.url)

    def test_one_answer_to_everything(self):
        hidden = [name for name in NAMES if name.startswith("hidden")]
        envelope = fake.error(404, "not_found")
        for title, reply, but in (
            ("404", Reply(404, b"404 page not found\n", {"Content-Type": "text/plain"}), hidden),
            ("404 in the envelope", envelope, [*hidden, "unknown-route"]),
            ("HTML", HTML, []),
            ("500", Reply(500), []),
            ("an empty object", as_json(200, {}), []),
            ("401", fake.refusal(), ["no-key", "no-key-completions", "wrong-key"]),
            ("204", Reply(204), []),
            ("a redirect", Reply(308, b"", {"Location": "/"}), []),
        ):
            with self.subTest(title), Fake({"*": instead(reply)}) as server:
                self.all_fail(server.url, but=but)

    def test_a_redirect_is_never_followed(self):
        with Fake() as good:
            to = {"Location": f"{good.url}/healthz"}
            with Fake({"*": instead(Reply(302, b"", to))}) as server:
                self.all_fail(server.url)
        self.assertEqual(good.asked, [])

    def test_everything_is_endless(self):
        # A preflight's answer has no body, so it can't be endless.
        with Fake({"*": raw(drip), "preflight": status(500)}) as server:
            started = time.monotonic()
            self.all_fail(server.url, "--timeout", "0.5", "--stream-timeout", "0.5")
        self.assertLess(time.monotonic() - started, 60)

    def test_evidence_of_what_failed_is_kept(self):
        with Fake({name: status(503) for name in CHATS}) as server:
            self.all_fail(server.url, but=[name for name in NAMES if name not in CHATS])
        for name in ("nonstream.out", "stream.out"):
            text = (self.kept / name).read_text()
            self.assertIn("HTTP/1.1 503", text)
            self.assertIn('"problem": "status 503', text)
            self.assertNotIn(KEY, text)


if __name__ == "__main__":
    unittest.main()
