"""`scripts/smoke dev-edge`: what it reads from its results, and how it asks the origin."""

import unittest

from operating.smoking.testing.fake import Fake, Reply
from operating.smoking.testing.runner import LIMIT, Smoke


class Edge(Smoke):
    def origin(self):
        """An address where nothing listens."""
        with Fake() as fake:
            return fake.url

    def test_both_are_well_and_so_is_the_origin(self):
        def rayed(reply):
            return Reply(200, reply.body, reply.headers | {"CF-Ray": "8a1b-FRA\x1b[2J"}, chunked=reply.chunked)

        with Fake({"json": rayed, "stream": rayed}) as edge, Fake() as origin:
            ran = self.smoke("dev-edge", "--url", edge.url, "--origin", origin.url)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(ran.stdout.count("cf-ray 8a1b-FRA [2J\n"), 2)
        self.assertEqual(self.check("json")["cf_ray"], "8a1b-FRA\x1b[2J")
        self.assertIn("Both are well", ran.stdout)
        self.assertIn("The origin, asked directly, is well, too.", ran.stdout)
        self.assertEqual([(name, bool(key)) for name, key, _ in origin.asked], [("livez", False), ("json", True), ("stream", True)])
        self.assertEqual(edge.asked[-1][2]["model"], "codev-5")

    def test_the_edge_holds_the_non_stream_request(self):
        def silent(_reply):
            return Reply(200, raw=lambda handler: handler.server.fake.over.wait(LIMIT))

        with Fake({"json": silent}) as edge, Fake() as origin:
            ran = self.smoke("dev-edge", "--url", edge.url, "--origin", origin.url, "--timeout", "6")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("a buffering or timeout policy for POST", ran.stdout)
        self.assertIn("it is between the client and the front", ran.stdout)
        self.assertIn("1 of 19 checks FAILED: json\n", ran.stderr)
        self.assertIn("(28)", self.check("json")["problem"])

    def test_both_fail_and_so_does_the_origin(self):
        broken = {name: lambda _: Reply(500, b"no") for name in ("json", "stream")}
        with Fake(broken) as edge, Fake(broken) as origin:
            ran = self.smoke("dev-edge", "--url", edge.url, "--origin", origin.url)
        self.assertIn("Both failed: the origin, or auth", ran.stdout)
        self.assertIn("begin there", ran.stdout)
        self.assertIn("FAILED: json, stream, origin-json, origin-stream\n", ran.stderr)

    def test_an_origin_that_was_named_must_be_there(self):
        with Fake() as edge:
            ran = self.smoke("dev-edge", "--url", edge.url, "--origin", self.origin())
        self.assertEqual(ran.returncode, 1)
        self.assertIn("1 of 17 checks FAILED: origin-livez", ran.stderr)

    def test_what_is_no_front_gets_no_key(self):
        with Fake() as edge, Fake({"*": lambda _: Reply(200, b"hello")}) as other:
            ran = self.smoke("dev-edge", "--url", edge.url, "--origin", other.url)
        self.assertEqual(ran.returncode, 1)
        self.assertEqual([(name, key) for name, key, _ in other.asked], [("livez", None)])

    def test_files_of_the_playbook_are_the_edges(self):
        with Fake({"json": lambda _: Reply(502, b"from the edge")}) as edge, Fake() as origin:
            self.smoke("dev-edge", "--url", edge.url, "--origin", origin.url)
        self.assertIn("from the edge", (self.kept / "nonstream.out").read_text())

    def test_only_the_edge_has_an_origin(self):
        ran = self.smoke("prod", "--url", "http://127.0.0.1:1", "--origin", "http://127.0.0.1:1")
        self.assertEqual((ran.returncode, ran.stderr), (2, "smoke: --origin goes with dev-edge\n"))


if __name__ == "__main__":
    unittest.main()
