"""`scripts/smoke --wait`: a door that opens late, and one that doesn't."""

import unittest

from operating.smoking.testing.fake import Fake, Reply
from operating.smoking.testing.runner import NAMES, Smoke


class Wait(Smoke):
    def test_a_door_that_opens_late_is_waited_for(self):
        looks = []

        def closed_at_first(reply):
            looks.append(reply)
            return Reply(404, b"404 page not found") if len(looks) <= 2 else reply

        with Fake({"livez": closed_at_first}) as fake:
            ran = self.smoke("prod", "--url", fake.url, "--wait", "60")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        # Two that were refused, the one that opened, and the check itself.
        self.assertEqual(len(looks), 4)

    def test_without_waiting_it_is_a_failure(self):
        looks = []

        def closed_at_first(reply):
            looks.append(reply)
            return Reply(404, b"404 page not found") if len(looks) <= 1 else reply

        with Fake({"livez": closed_at_first}) as fake:
            ran = self.smoke("prod", "--url", fake.url)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("1 of 16 checks FAILED: livez", ran.stderr)

    def test_one_that_stays_closed_fails_in_every_check(self):
        with Fake({"*": lambda _: Reply(503, b"no available server")}) as fake:
            ran = self.smoke("prod", "--url", fake.url, "--wait", "1")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("the door has not opened within 1 s", ran.stdout)
        self.assertIn(f"{len(NAMES)} of {len(NAMES)} checks FAILED", ran.stderr)


if __name__ == "__main__":
    unittest.main()
