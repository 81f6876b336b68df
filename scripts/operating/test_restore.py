import fcntl
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

from . import archive, restore
from .restore_testing import KEPT, PRESENT, RestoreTest, owner
from .state_testing import CONFIG, OTHER

HELD = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.ftruncate(file, 0)
os.write(file, f"{os.getpid()}\\n".encode())
print("held", flush=True)
sys.stdin.read()
"""


class Restore(RestoreTest):
    def test_what_was_kept_is_back(self):
        self.make(self.target, PRESENT)
        said = self.restore()
        self.assertEqual(self.tree(self.target), self.tree(self.home))
        (old,) = self.before()
        self.assertEqual(self.tree(old), {name: ("file", text.encode()) for name, text in PRESENT.items()})
        self.assertIn(str(old), said)
        modes = {name: self.mode(self.target / name) for name in (".", "sessions", "config.toml", "auth.json", "bin/tool")}
        wanted = {".": 0o700, "sessions": 0o700, "config.toml": 0o600, "auth.json": 0o600, "bin/tool": 0o700}
        self.assertEqual(modes, wanted)
        self.assertEqual((self.target / "config.toml").stat().st_mtime, 1_700_000_000)
        summary = json.loads((self.out / "summary.json").read_text())
        self.assertEqual((summary["kept_as"], summary["login"], summary["failed"]), (str(old), "restored", 0))
        self.assertEqual(self.names(), {"kept", "backups", "evidence", "codex-api", old.name})

    def test_where_there_was_none(self):
        self.restore()
        self.assertEqual(self.tree(self.target), self.tree(self.home))
        self.assertEqual(self.before(), [])

    def test_a_link_is_followed_and_stays(self):
        real = self.make(self.make(self.folder / "elsewhere", {}) / "real", {})
        self.target.symlink_to(real)
        self.restore()
        self.assertTrue(self.target.is_symlink())
        self.assertEqual(self.tree(real), self.tree(self.home))
        self.assertEqual(len(list(real.parent.glob("real.before-*"))), 1)

    def test_owners(self):
        if not self.root:
            self.refused("run this as root", code=2, arguments=["--owner", f"{OTHER[0]}:{OTHER[1]}"])
            return
        for path in (self.home, self.home / "auth.json", self.home / "sessions"):
            os.chown(path, *OTHER)
        self.archive = self.keep()
        self.restore()
        owners = {name: owner(self.target / name) for name in (".", "auth.json", "sessions", "config.toml")}
        self.assertEqual(owners, {".": OTHER, "auth.json": OTHER, "sessions": OTHER, "config.toml": owner(self.home / "config.toml")})
        self.restore("--owner", "5:6")
        self.assertEqual({owner(path) for path in (self.target, *self.target.rglob("*"))}, {(5, 6)})

    def test_the_present_login_is_kept(self):
        self.make(self.target, PRESENT)
        self.assertIn("auth.json: the present one is kept", self.restore("--without-login"))
        self.assertEqual((self.target / "auth.json").read_text(), PRESENT["auth.json"])
        self.assertEqual(self.mode(self.target / "auth.json"), 0o600)
        self.assertEqual((self.target / "config.toml").read_text(), CONFIG)
        self.target = self.folder / "new"
        self.assertIn("codex login", self.restore("--without-login"))
        self.assertFalse((self.target / "auth.json").exists())

    def test_an_archive_without_login_keeps_the_present_one(self):
        self.archive = self.keep("--without-login")
        self.make(self.target, PRESENT)
        self.restore()
        self.assertEqual((self.target / "auth.json").read_text(), PRESENT["auth.json"])
        self.target = self.folder / "new"
        self.assertIn("codex login", self.restore())
        self.assertFalse((self.target / "auth.json").exists())
        self.assertEqual(json.loads((self.out / "summary.json").read_text())["login"], "none")

    def test_a_login_that_is_a_link_is_not_kept(self):
        self.make(self.target, PRESENT)
        (self.target / "auth.json").unlink()
        (self.target / "auth.json").symlink_to(self.home / "auth.json")
        self.assertIn("is a link", self.restore("--without-login", code=1))
        self.assertEqual(self.before(), [])
        self.restore()
        self.assertFalse((self.target / "auth.json").is_symlink())

    def test_a_dry_run_says_what_would_change(self):
        self.make(self.target, PRESENT | {"sessions/a.jsonl": KEPT["sessions/a.jsonl"]})
        before = self.tree(self.folder)
        said = self.restore("--dry-run")
        for line in ("config.toml: another", "extra: not in the backup", "sessions/a.jsonl: the same", "bin/tool: new"):
            self.assertIn(line, said)
        self.assertEqual(self.tree(self.folder), before)

    def test_a_folder_that_a_daemon_serves_from(self):
        self.make(self.target, PRESENT)
        words = [sys.executable, "-c", HELD, str(self.target / "worker.lock")]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as daemon:
            try:
                self.assertEqual(daemon.stdout.readline(), "held\n")
                state_before = self.tree(self.target)
                # Who only looks may do so before it is stopped.
                for dry, code in (([], 1), (["--dry-run"], 0)):
                    said = self.restore(*dry, code=code)
                    self.assertIn(f"the daemon with pid {daemon.pid} ", said)
                    self.assertEqual(self.tree(self.target), state_before)
            finally:
                daemon.kill()
        # The lock goes with its holder, the file stays.
        self.restore()

    def test_no_daemon_starts_meanwhile(self):
        self.make(self.target, PRESENT)
        real, tried = archive.read, []

        def read(*arguments):
            with open(self.target / "worker.lock", "r+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    tried.append(error)
            return real(*arguments)

        with mock.patch.object(archive, "read", read):
            self.run_inside(restore.main, self.archive, "--to", self.target)
        self.assertEqual(len(tried), 1)

    def fails(self, patch, *words, code=1):
        self.make(self.target, PRESENT)
        around, state_before = self.names(), self.tree(self.target)
        with patch:
            said = self.run_inside(restore.main, self.archive, "--to", self.target, code=code)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.tree(self.target), state_before)
        self.assertEqual(self.names(), around)
        summary = json.loads((self.out / "summary.json").read_text())
        self.assertEqual((summary["failed"], "kept_as" in summary), (1, False))

    def test_the_rename_of_the_new_folder_fails(self):
        real, renamed = Path.rename, []

        def rename(path, target):
            renamed.append((path, target))
            if ".restoring-" in path.name:
                raise OSError(28, "No space left on device", str(path))
            return real(path, target)

        self.fails(mock.patch.object(Path, "rename", rename), "No space left on device")
        self.assertEqual([path.name.split("-2")[0] for path, _ in renamed][::2], ["codex-api", "codex-api.before"])

    def test_the_rename_of_the_old_folder_fails(self):
        def rename(path, _target):
            raise OSError(16, "Device or resource busy", str(path))

        self.fails(mock.patch.object(Path, "rename", rename), "Device or resource busy")

    def test_the_disk_is_full(self):
        real = archive.read_entry

        def read_entry(tar, entry, sink):
            if entry.name == "sessions/a.jsonl":
                raise OSError(28, "No space left on device", "x")
            real(tar, entry, sink)

        self.fails(mock.patch.object(archive, "read_entry", read_entry), "No space left on device")

    def test_it_is_stopped(self):
        def swap(*_):
            os.kill(os.getpid(), 15)

        self.make(self.target, PRESENT)
        state_before = self.tree(self.target)
        with mock.patch.object(restore, "swap", swap), self.assertRaises(SystemExit):
            self.run_inside(restore.main, self.archive, "--to", self.target)
        self.assertEqual(self.tree(self.target), state_before)
        self.assertEqual(self.names(), {"kept", "backups", "evidence", "codex-api"})

    def test_it_is_stopped_between_the_renames(self):
        self.make(self.target, PRESENT)
        real = Path.rename

        def rename(path, target):
            os.kill(os.getpid(), 15)
            return real(path, target)

        with mock.patch.object(Path, "rename", rename), self.assertRaises(SystemExit):
            self.run_inside(restore.main, self.archive, "--to", self.target)
        self.assertEqual(self.tree(self.target), self.tree(self.home))
        (old,) = self.before()
        summary = json.loads((self.out / "summary.json").read_text())
        self.assertEqual((summary["kept_as"], summary["failed"]), (str(old), 0))

    def test_somebody_who_may_not(self):
        self.make(self.target, PRESENT)
        self.archive.parent.chmod(0o755)
        for path in (self.archive, archive.sidecar(self.archive)):
            path.chmod(0o644)
        for arguments in ([], ["--dry-run"]):
            said = self.run_powerless(restore.main, self.target, self.archive, "--to", self.target, *arguments, code=1)
            self.assertIn("run this as root", said)
        self.run_powerless(restore.main, self.target, self.archive, "--to", self.target / "below", code=1)
        self.assertEqual(self.before(), [])

    def test_a_folder_that_is_no_folder(self):
        self.target.write_text("x")
        self.assertIn("is no folder", self.restore(code=1))
        self.target = self.folder / "no/such/folder"
        self.restore(code=1)
        self.restore("--dry-run", code=1)


if __name__ == "__main__":
    unittest.main()
