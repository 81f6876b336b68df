import json
import shutil
import unittest

from . import release_fixtures as fixtures
from .releasing import secrets

COMMITTED = "tree: everything is committed"
NEW = "tree: the version is new"
CHANGELOG = "tree: CHANGELOG.md has the version"
LOCK = "tree: Cargo.lock is up to date"
PINNED = "tree: codex is pinned"
SECRET = "tree: no secret"
ALLOWED = "tree: licences, bans and sources of crates"
ADVISORIES = "tree: advisories for crates"


class Tree(fixtures.Case):
    def test_a_good_tree_is_good_and_what_is_left_out_is_said(self):
        self.release()
        self.assert_good()
        self.assertIn(f"HEAD is {self.repository.head} (main)", self.checks[COMMITTED]["seen"])
        self.assertIn("without --bin-dir, --worker-image, --front-image", self.said)
        self.assertEqual(self.summary["left_out"], ["--bin-dir", "--worker-image", "--front-image"])
        self.assertEqual(self.summary["failed"], 0)
        self.assertEqual(self.checks[LOCK]["seen"], "6 packages")
        self.assertEqual((self.out / "summary.json").stat().st_mode & 0o777, 0o600)

    def test_a_dry_run_writes_nothing_and_names_all_checks(self):
        self.repository.write("more.txt", "not committed")
        self.assertEqual(self.release("--dry-run", "--bin-dir", self.folder), 0)
        self.assertFalse(self.out.exists())
        for check in (COMMITTED, SECRET, ADVISORIES, "binary codexctl: the version is Cargo.toml's"):
            self.assertIn(f"would check  {check}\n", self.said)

    def test_help_tells_the_exit_codes(self):
        self.assertEqual(self.release("--help"), 0)
        self.assertIn("exit codes: 0 ", self.said)

    def test_a_wrong_option_is_2_and_a_missing_program_3(self):
        self.assertEqual(self.release("--bin-dir", self.folder / "nowhere"), 2)
        self.assertIn("nowhere is no folder", self.complained)
        self.assertEqual(self.release("--everything"), 2)
        # A PATH with git alone.
        only = self.folder / "only"
        only.mkdir()
        (only / "git").symlink_to(shutil.which("git"))
        self.environment["PATH"] = str(only)
        self.assertEqual(self.release("--front-image", "front"), 3)
        self.assertIn("docker is not installed", self.complained)
        self.assertEqual(self.release(), 0)
        self.assertEqual(self.checks[LOCK]["state"], "not checked")
        self.assertIn("`cargo metadata --locked", self.checks[LOCK]["seen"])

    def test_what_is_not_committed_is_named(self):
        self.repository.write("Cargo.toml", (self.repository.root / "Cargo.toml").read_text() + "# changed\n")
        self.repository.write("new folder/new.txt", "new")
        self.release()
        self.assert_found(COMMITTED, "M Cargo.toml", "?? new folder/new.txt")
        self.release("--allow-dirty")
        self.assert_good()
        self.assertIn("with 2 files that are not", self.said)

    def test_a_version_that_was_released_is_not_released_again(self):
        self.repository.git("tag", "v1.2.3")
        self.release()
        self.assert_good()
        self.repository.write("more.txt", "more")
        self.repository.commit()
        self.release()
        self.assert_found(NEW, "the tag v1.2.3 is of ")

    def test_a_changelog_without_the_version(self):
        self.repository.change("CHANGELOG.md", "## [1.2.3] - 2026-01-31\n", "")
        self.repository.commit()
        self.release()
        self.assert_found(CHANGELOG, "no section `## [1.2.3]")
        self.release("--allow-unreleased")
        self.assert_good()
        self.assertIn("1.2.3 is still [Unreleased]", self.said)

    def test_a_changelog_that_says_nothing_of_it(self):
        waiting, empty = "## [Unreleased]\n\n- This.\n", "## [1.2.3]\n\n### Added\n"
        self.repository.write("CHANGELOG.md", f"# Changelog\n\n{waiting}\n{empty}\n## [1.2.2] - 2025-01-01\n\n- That.\n")
        self.repository.commit()
        self.release()
        self.assert_found(CHANGELOG, "[1.2.3] is empty", "[1.2.3] has no date", "[Unreleased] has entries")

    def test_a_changelog_without_anything_is_no_release_at_all(self):
        self.repository.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n")
        self.repository.commit()
        self.release("--allow-unreleased")
        self.assert_found(CHANGELOG, "no section")

    def test_a_lock_that_has_another_version(self):
        self.repository.change("Cargo.toml", 'version = "1.2.3"', 'version = "1.3.0"')
        self.repository.change("CHANGELOG.md", "1.2.3", "1.3.0")
        self.repository.commit()
        self.release()
        self.assert_found(LOCK, "http-front is 1.3.0 in Cargo.toml and 1.2.3 in Cargo.lock")

    def test_a_lock_without_a_dependency_that_cargo_wants(self):
        self.repository.change("worker-daemon/Cargo.toml", "shared.workspace = true\n", 'shared.workspace = true\nfar = "1"\n')
        self.repository.commit()
        self.release()
        self.assert_found(LOCK, "run `cargo check` and commit the lock")

    def test_crates_that_cargo_has_not_leave_it_open(self):
        shutil.rmtree(self.repository.root / "vendor/far")
        self.repository.commit()
        self.release()
        self.assert_good()
        self.assertEqual(self.checks[LOCK]["state"], "not checked")
        self.assertIn("`cargo fetch --locked`", self.checks[LOCK]["seen"])

    def test_a_manifest_that_nobody_can_read_fails_and_the_rest_is_checked(self):
        self.repository.write("Cargo.toml", "[workspace\n")
        self.repository.commit()
        self.release()
        self.assert_found(LOCK, "Cargo.toml can't be read", alone=False)
        self.assertEqual(self.checks[SECRET]["state"], "ok")
        self.assertEqual(self.checks[PINNED]["state"], "ok")

    def test_codex_is_pinned_to_one_version_in_both_files(self):
        self.repository.write("scripts/codex/package.json", json.dumps({"dependencies": {"@openai/codex": "^0.9.8"}}))
        self.repository.commit()
        self.release()
        self.assert_found(PINNED, "pins no single version", "^0.9.8")
        self.repository.write("scripts/codex/package.json", json.dumps({"dependencies": {"@openai/codex": "0.9.9"}}))
        self.repository.commit()
        self.release()
        self.assert_found(PINNED, "has @openai/codex 0.9.9, package-lock.json 0.9.8")


class Secrets(fixtures.Case):
    def found(self, name, text, line, what):
        self.repository.write(name, text)
        self.repository.commit()
        self.release()
        self.assert_found(SECRET, f"{name}:{line}: {what}")

    def assert_not_told(self, *values):
        everything = self.said + self.complained + "".join(path.read_text() for path in self.out.rglob("*") if path.is_file())
        for value in values:
            self.assertNotIn(value, everything)
            self.assertNotIn(value[10:30], everything)

    def test_keys_are_named_by_their_line_and_never_told(self):
        planted = {
            "an API key (sk-…)": [fixtures.key(2), fixtures.key(3, "sk-codex-"), fixtures.key(4, "sk-proj-", 100)],
            "a token of GitHub": [fixtures.key(5, "ghp_", 36)],
            "a token of npm": [fixtures.key(6, "npm_", 36)],
            "a random value under the name of a secret": ["api_key = " + fixtures.key(7, "", 40)],
        }
        values = [(what, value) for what, values in planted.items() for value in values]
        text = "".join(f"# line\n{value}\n" for _, value in values)
        self.repository.write("docs/some.md", text.encode() + b"\xff\x00 and bytes that are no text\n")
        self.repository.commit()
        self.release()
        expected = [f"docs/some.md:{2 * number}: {what}" for number, (what, _) in enumerate(values, 1)]
        self.assert_found(SECRET, *expected)
        self.assertEqual(self.checks[SECRET]["problem"].splitlines(), expected)
        self.assert_not_told(*(value for _, value in values))

    def test_a_private_key(self):
        self.found("systemd/front.key", f"# ours\n{fixtures.private_key()}", 2, "a private key")
        self.assert_not_told(fixtures.key(1, ""))

    def test_a_login_and_settings_are_known_by_their_names(self):
        self.repository.write("deploy/auth.json", "{}")
        self.repository.write("deploy/.env", "PORT=1\n")
        self.repository.write(".env.production", "PORT=1\n")
        self.repository.write("keys/id_ed25519", "")
        self.repository.commit()
        self.release()
        self.assert_found(
            SECRET, "deploy/auth.json: a login of codex", "deploy/.env: settings", ".env.production: ", "keys/id_ed25519: "
        )
        self.assertNotIn(".env.example", self.said)

    def test_a_login_by_its_content(self):
        text = json.dumps({"tokens": {"refresh_token": fixtures.key(8, "", 60)}}, indent=1)
        self.found("backup.json", text, 3, "a random value under the name of a secret")

    def test_also_what_is_not_committed_and_not_ignored(self):
        self.repository.write("notes.txt", f"{fixtures.key(9)}\n")
        self.repository.write("target/notes.txt", f"{fixtures.key(9)}\n")
        self.release("--allow-dirty")
        self.assert_found(SECRET, "notes.txt:1: an API key")
        self.assertNotIn("target/notes.txt", self.said)

    def test_this_repository_has_none(self):
        # As it is, with all its examples: what is taken for a key here would be told at each release.
        root, findings = fixtures.ROOT, []
        for name in fixtures.run(["git", "ls-files", "-z"], root).split("\0"):
            path = root / name
            if name and path.is_file():
                findings += [f"{name}:{line}: {what}" for line, what in secrets.in_content(path.read_bytes())]
                findings += [name] if secrets.by_name(name) else []
        self.assertEqual(findings, [])

    def test_examples_are_none_and_what_chance_made_is(self):
        for text in (
            "sk-drill-000000000000000000000000",
            "sk-codex-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
            "sk-held-to-what-its-entry-says",
            "api_key: your-own-key-of-32-characters-here",
            "max_tokens = 123456789012345678901234",
            "AKIAIOSFODNN7EXAMPLE",
            "task-9f86d081884c7d659a2feaa0c55ad015",
            "checksum = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ):
            self.assertEqual(secrets.in_content(text.encode()), [], text)
        seen = sum(bool(secrets.in_content(fixtures.key(seed, "sk-codex-").encode())) for seed in range(2000))
        self.assertGreater(seen, 1990)

    def test_variables_that_hold_secrets(self):
        given = "RUN |2 GATEWAY_REVISION=abc NPM_TOKEN=abc make MAX_TOKENS=5 A_PASSWORD='x y'"
        given += ' TOKEN=$(cat /run/secrets/x) API_KEY="$KEY"'
        self.assertEqual(secrets.variables(given), ["NPM_TOKEN", "A_PASSWORD"])


class Supply(fixtures.Case):
    def test_what_cargo_deny_refuses_is_told(self):
        for name, code, said, state in (
            ("good", 0, "", "ok"),
            ("bad", 1, "error[banned]: crate 'openssl = 0.10.0' is explicitly banned", "FAILED"),
            ("broken", 1, "failed to fetch crates", "not checked"),
        ):
            with self.subTest(name):
                self.tool("cargo-deny", f'#!/bin/sh\n[ "$4" = check ] || exit 9\necho "{said}" >&2\nexit {code}\n')
                self.release()
                self.assertEqual(self.checks[ALLOWED]["state"], state, self.said)
                self.assertIn(said, self.said)
                self.assertEqual(self.code, 1 if state == "FAILED" else 0)

    def test_advisories(self):
        home = self.folder / "cargo"
        self.environment["CARGO_HOME"] = str(home)
        one = {"package": {"name": "far", "version": "1.0.7"}, "advisory": {"id": "RUSTSEC-2099-0001"}}
        told = {"database": {"advisory-count": 2}, "vulnerabilities": {"list": [one]}}
        (self.folder / "told.json").write_text(json.dumps(told))
        self.tool("cargo-audit", f'#!/bin/sh\n[ "$1" = audit ] || exit 9\ncat "{self.folder}/told.json"\nexit 1\n')
        self.release()
        self.assert_good()
        self.assertEqual(self.checks[ADVISORIES]["state"], "not checked")
        self.assertIn("run `cargo audit`", self.checks[ADVISORIES]["seen"])
        (home / "advisory-db").mkdir(parents=True)
        self.release()
        self.assert_found(ADVISORIES, "far 1.0.7: RUSTSEC-2099-0001")
        told["vulnerabilities"]["list"] = []
        (self.folder / "told.json").write_text(json.dumps(told))
        self.release()
        self.assertEqual(self.checks[ADVISORIES]["state"], "ok")
        self.assertIn("none of 2 that were known on an unknown day", self.said)
        (self.folder / "told.json").write_text("error: no database")
        self.release()
        self.assertEqual(self.checks[ADVISORIES]["state"], "not checked")


if __name__ == "__main__":
    unittest.main()
