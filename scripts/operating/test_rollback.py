"""`scripts/rollback`: what runs afterwards, what it keeps, and that a state that can't be restored stops nothing for good."""

import unittest

from operating.deploy_testing import Deploying


class Rollback(Deploying):
    def setUp(self):
        super().setUp()
        self.deploy("v1")
        self.deploy("v2")

    def test_it_runs_what_ran_before_and_keeps_what_ran(self):
        self.run_it("rollback")
        self.assertEqual((self.running(), self.tagged("latest"), self.tagged("good")), (["v1", "v1"], ["v1", "v1"], ["v1", "v1"]))
        kept = [name for name in self.get()["images"] if ":rolled-back-" in name]
        self.assertEqual([self.get()["images"][name] for name in sorted(kept)], ["sha256:v2-front", "sha256:v2-worker"])

    def test_a_tag(self):
        self.set(images=self.get()["images"] | {"gw-worker:v0": "sha256:v0-worker", "gw-front:v0": "sha256:v0-front"})
        self.run_it("rollback", "--to", "v0")
        self.assertEqual(self.running(), ["v0", "v0"])

    def test_what_cannot_be_gone_back_to(self):
        ran = self.run_it("rollback", "--to", "v9", code=3)
        self.assertIn("there is no image gw-worker:v9", ran.stderr)
        ran = self.run_it("rollback", "--to", "good", code=1)
        self.assertIn("is what runs already", ran.stderr)
        self.assertEqual(self.running(), ["v2", "v2"])

    def test_a_dry_run_changes_nothing(self):
        before = self.get()
        self.run_it("rollback", "--dry-run")
        after = self.get()
        self.assertEqual((after["images"], after["running"]), (before["images"], before["running"]))

    def test_a_smoke_test_that_fails(self):
        self.set(codes={"smoke": [1]})
        ran = self.run_it("rollback", code=1)
        self.assertIn("what is rolled back stays so", ran.stderr)
        self.assertEqual((self.running(), self.tagged("good")), (["v1", "v1"], ["v2", "v2"]))

    def test_an_archive_that_is_wrong_stops_nothing(self):
        self.set(codes={"restore": [1]}, calls=[])
        ran = self.run_it("rollback", "--state", "backups/none.tar.gz", code=1)
        self.assertIn("can't bring", ran.stderr)
        self.assertEqual(self.running(), ["v2", "v2"])
        self.assertFalse({"stop", "up"} & {word for words in self.get()["calls"] for word in words})
        self.assertEqual(self.started("restore")[0][1:2], [str(self.tree / "backups/none.tar.gz")])

    def test_a_restore_that_fails_has_what_ran_run_again(self):
        self.set(codes={"restore": [0, 1]}, calls=[])
        ran = self.run_it("rollback", "--state", "backups/some.tar.gz", code=1)
        self.assertIn("nothing was rolled back, and what ran runs again", ran.stderr)
        self.assertEqual((self.running(), self.tagged("latest")), (["v2", "v2"], ["v2", "v2"]))
        done = [word for words in self.get()["calls"] for word in words if word in ("stop", "up")]
        self.assertEqual(done, ["stop", "up"])

    def test_with_the_state_of_then(self):
        self.run_it("rollback", "--state", "backups/some.tar.gz")
        self.assertEqual([("--dry-run" in words) for words in self.started("restore")], [True, False])
        self.assertEqual(self.running(), ["v1", "v1"])

    def test_the_list(self):
        ran = self.run_it("rollback", "--list")
        for words in ("gw-worker:previous", "gw-front:good"):
            self.assertIn(words, ran.stdout)


if __name__ == "__main__":
    unittest.main()
