"""`scripts/port-prod`: the order of its steps, what it keeps to be gone back to, and what it says when something fails."""

import unittest

from operating.deploy_testing import Deploying


class Order(Deploying):
    def test_each_step_in_its_order(self):
        ran = self.deploy("v1")
        self.assertEqual([words[0] for words in self.get()["started"]], ["port-check", "port-sync-config", "backup", "smoke"])
        self.assertEqual(self.running(), ["v1", "v1"])
        self.assertEqual((self.tagged("previous"), self.tagged("good")), ([None, None], ["v1", "v1"]))
        self.assertIn("Deployed.", ran.stdout)
        for words in self.get()["started"]:
            self.assertIn(str(self.tree / ".env"), words, "each reads the same settings")

    def test_whoever_says_no_ends_it_before_anything_is_changed(self):
        for name, code in (("port-check", 1), ("port-sync-config", 1), ("backup", 3)):
            with self.subTest(name):
                self.set(codes={name: [code]}, calls=[])
                ran = self.deploy("v1", code=code)
                self.assertIn(f"scripts/{name} says no; nothing was deployed", ran.stderr)
                self.assertFalse({"build", "up"} & {word for words in self.get()["calls"] for word in words})

    def test_a_dry_run_changes_nothing_and_checks_in_earnest(self):
        self.deploy("v1")
        before = self.get()
        ran = self.deploy("v2", "--dry-run")
        after = self.get()
        self.assertEqual((after["images"], after["running"]), (before["images"], before["running"]))
        self.assertIn("Nothing was changed.", ran.stdout)
        for name in ("port-sync-config", "backup", "smoke"):
            self.assertIn("--dry-run", self.started(name)[-1])
        self.assertNotIn("--dry-run", self.started("port-check")[-1])
        self.set(codes={"port-check": [1]})
        self.run_it("port-prod", "--dry-run", code=1)

    def test_settings_of_the_environment_alone(self):
        (self.tree / ".env").unlink()
        self.release("v1")
        self.run_it("port-prod", DOMAIN="api.test", KEY="sk-kept-secret")
        self.assertFalse([words for words in self.get()["started"] if "--env-file" in words])
        self.run_it("port-prod", code=2, DOMAIN="api.test")
        self.run_it("port-prod", code=2, KEY="sk-kept-secret")

    def test_a_file_of_settings_from_another_folder(self):
        other = self.tree / "elsewhere"
        other.mkdir()
        (other / "prod.env").write_text("DOMAIN=api.test\nKEY=sk-kept-secret\n")
        self.release("v1")
        self.run_it("port-prod", "--env-file", "prod.env", cwd=other)
        for words in self.get()["started"]:
            self.assertIn(str(other / "prod.env"), words)

    def test_a_home_that_is_not_there(self):
        ran = self.run_it("port-prod", code=3, HOME_DIR=str(self.tree / "nowhere"))
        self.assertIn("install -d -m 0700", ran.stderr)


class Kept(Deploying):
    """What `previous` is."""

    def test_what_ran_before(self):
        self.deploy("v1")
        self.deploy("v2")
        self.assertEqual((self.tagged("previous"), self.running()), (["v1", "v1"], ["v2", "v2"]))
        self.assertTrue([name for name in self.get()["images"] if ":was-" in name])

    def test_deploying_the_same_again_keeps_it(self):
        self.deploy("v1")
        self.deploy("v2")
        self.run_it("port-prod", "--no-build")
        self.assertEqual(self.tagged("previous"), ["v1", "v1"])

    def test_a_release_that_failed_is_not_gone_back_to(self):
        self.deploy("v1")
        self.set(codes={"smoke": [1]})
        ran = self.deploy("v2", code=1)
        self.assertIn("the smoke test failed. `scripts/rollback` goes back", ran.stderr)
        # A mend that fails, too, and one that doesn't: each would be gone back from to v1.
        self.set(codes={"smoke": [1]})
        self.deploy("v3", code=1)
        self.assertEqual(self.tagged("previous"), ["v1", "v1"])
        self.deploy("v4")
        self.assertEqual(self.tagged("previous"), ["v1", "v1"])

    def test_a_build_that_fails_moves_nothing(self):
        self.deploy("v1")
        self.deploy("v2")
        self.set(fail=["build"])
        ran = self.deploy("v3", code=1)
        self.assertIn("build", ran.stderr)
        self.assertEqual((self.tagged("previous"), self.running()), (["v1", "v1"], ["v2", "v2"]))

    def test_half_a_pair_is_none(self):
        self.deploy("v1")
        self.deploy("v2")
        self.set(running={"worker": "sha256:v2-worker", "front": None})
        self.deploy("v3")
        self.assertEqual(self.tagged("previous"), ["v1", "v1"])


class Wrong(Deploying):
    def test_nothing_to_go_back_to(self):
        self.set(fail=["up"])
        ran = self.deploy("v1", "--rollback", code=1)
        self.assertIn("nothing ran before", ran.stderr)
        self.assertEqual(self.tagged("good"), [None, None])

    def test_going_back_by_itself(self):
        self.deploy("v1")
        self.set(codes={"smoke": [1]})
        ran = self.deploy("v2", "--rollback", code=1)
        self.assertIn("rolled back, see above", ran.stderr)
        self.assertEqual(self.running(), ["v1", "v1"])

    def test_a_rollback_that_fails_is_told(self):
        self.deploy("v1")
        self.set(codes={"smoke": [1, 1]})
        ran = self.deploy("v2", "--rollback", code=1)
        self.assertIn("THE ROLLBACK FAILED, TOO", ran.stderr)


if __name__ == "__main__":
    unittest.main()
