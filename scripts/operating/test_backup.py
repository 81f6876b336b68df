import contextlib
import hashlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import tarfile
import unittest
from unittest import mock

from . import archive, backup, state
from .state_testing import CONFIG, LOGIN, OTHER, ScriptTest

KEPT = {
    "config.toml": CONFIG,
    "auth.json": LOGIN,
    "installation_id": "id",
    "toggles.json": "{}",
    "sessions/2026/11/a.jsonl": "{}\n" * 9,
    "rules/log/worker.lock": "of this name further down all is kept",
}
NOT_KEPT = {
    "worker.lock": "1\n",
    ".sqlite-maintenance.lock": "",
    "model-catalog/raw-0.169.0.json": "[]",
    "toggles.json.new": "{",
    "logs_2.sqlite": "x",
    "tmp/arg0/x": "x",
    "state_5.sqlite-journal": "x",
}
TRACE = "trace-buffer/20261122T131606.525Z-req_1.json"


class Backup(ScriptTest):
    script = "backup"

    def setUp(self):
        super().setUp()
        self.home, self.target = self.folder / "codex-api", self.folder / "backups"
        self.make(self.home, KEPT)

    def folders(self, *arguments):
        return ["--from", self.home, "--to", self.target, *arguments]

    def keep(self, *arguments, code=0):
        """Runs the script, and gives the archive that it made and what it said."""
        before = set(self.target.glob("*.tar.gz"))
        said = self.run_script(*self.folders(*arguments), code=code)
        new = set(self.target.glob("*.tar.gz")) - before
        self.assertEqual(len(new), 0 if code or "--dry-run" in arguments else 1, said)
        return (new.pop() if new else None), said

    def held(self, path):
        """The manifest, and the files of the archive as `tar` has them."""
        with tarfile.open(path) as tar:
            names = tar.getnames()
            self.assertEqual(names[0], "MANIFEST.json")
            manifest = json.load(tar.extractfile("MANIFEST.json"))
            files = {name.removeprefix("codex-api/"): tar.extractfile(name).read() for name in names[1:]}
        return manifest, files

    def nothing_is_left(self):
        self.assertEqual(list(self.target.iterdir()) if self.target.exists() else [], [])

    def test_what_is_kept_and_what_is_not(self):
        self.make(self.home, NOT_KEPT | {TRACE: "a prompt"})
        (self.home / "worker-bin").mkdir()
        (self.home / "worker-bin/codex-linux-sandbox").symlink_to("/usr/bin/true")
        (self.home / "elsewhere").symlink_to("/etc")
        os.mkfifo(self.home / "sessions/pipe")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.home)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind("other.sock")
            path, said = self.keep()
        manifest, files = self.held(path)
        self.assertEqual(files, {name: text.encode() for name, text in KEPT.items()})
        left = {"worker.lock", ".sqlite-maintenance.lock", "model-catalog", "toggles.json.new", "logs_2.sqlite", "tmp"}
        left |= {"worker-bin", "elsewhere", "sessions/pipe", "other.sock", "trace-buffer"}
        self.assertEqual(manifest["left_out"].keys(), left)
        for name in left:
            self.assertIn(f"left out: {name} (", said)
        self.assertIn("it holds the login", said)
        self.assertTrue(manifest["login"])

    def test_the_archive_is_for_its_owner_alone_and_has_its_digest(self):
        self.addCleanup(os.umask, os.umask(0))
        path, _ = self.keep()
        self.assertRegex(path.name, r"^codex-api-\d{8}T\d{6}Z\.tar\.gz$")
        beside = archive.sidecar(path)
        self.assertEqual([self.mode(found) for found in (self.target, path, beside)], [0o700, 0o600, 0o600])
        self.assertEqual(set(self.target.iterdir()), {path, beside})
        checked = subprocess.run(["sha256sum", "-c", beside.name], cwd=self.target, capture_output=True)
        self.assertEqual(checked.returncode, 0, checked)
        summary = json.loads((self.out / "summary.json").read_text())
        self.assertEqual(summary["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertEqual((summary["archive"], summary["files"], summary["failed"]), (str(path), len(KEPT), 0))

    def test_the_manifest_tells_modes_owners_and_digests(self):
        (self.home / "installation_id").chmod(0o644)
        if self.root:
            os.chown(self.home / "toggles.json", *OTHER)
        manifest, files = self.held(self.keep()[0])
        entries = {entry["name"]: entry for entry in manifest["entries"]}
        self.assertEqual(entries["installation_id"]["mode"], 0o644)
        self.assertEqual((entries["."]["type"], entries["."]["mode"]), ("folder", 0o700))
        self.assertEqual(entries["sessions/2026"]["type"], "folder")
        meta = (self.home / "toggles.json").stat()
        told = entries["toggles.json"]
        self.assertEqual((told["uid"], told["gid"], told["mtime"]), (meta.st_uid, meta.st_gid, int(meta.st_mtime)))
        for name, text in files.items():
            self.assertEqual((entries[name]["size"], entries[name]["sha256"]), (len(text), hashlib.sha256(text).hexdigest()))

    def test_without_login_and_with_traces(self):
        self.make(self.home, {TRACE: "a prompt"})
        path, said = self.keep("--without-login", "--with-traces")
        manifest, files = self.held(path)
        self.assertEqual(files.keys(), KEPT.keys() - {"auth.json"} | {TRACE})
        self.assertFalse(manifest["login"])
        self.assertIn("no login", said)
        self.assertNotIn("it holds the login", said)

    def test_a_database_is_whole_while_it_is_written(self):
        live = sqlite3.connect(self.home / "state_5.sqlite", isolation_level=None)
        self.addCleanup(live.close)
        live.execute("PRAGMA journal_mode=WAL")
        live.execute("PRAGMA wal_autocheckpoint=0")
        live.execute("CREATE TABLE t (x)")
        live.execute("INSERT INTO t VALUES ('committed')")
        live.execute("BEGIN IMMEDIATE")
        live.execute("INSERT INTO t VALUES ('not yet')")
        _, files = self.held(self.keep()[0])
        self.assertEqual({name for name in files if "state_5" in name}, {"state_5.sqlite"})
        copy = self.folder / "copy.sqlite"
        copy.write_bytes(files["state_5.sqlite"])
        with contextlib.closing(sqlite3.connect(copy)) as opened:
            self.assertEqual(opened.execute("SELECT x FROM t").fetchall(), [("committed",)])
            self.assertEqual(opened.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        # The writer was not disturbed.
        live.execute("COMMIT")
        self.assertEqual(live.execute("SELECT count(*) FROM t").fetchone(), (2,))

    def test_a_database_that_stays_locked_is_told(self):
        live = sqlite3.connect(self.home / "state_5.sqlite", isolation_level=None)
        self.addCleanup(live.close)
        live.execute("CREATE TABLE t (x)")
        live.execute("BEGIN EXCLUSIVE")
        with mock.patch.object(state, "LOCKED", 0.1):
            self.assertIn("database is locked", self.run_inside(backup.main, *self.folders(), code=1))
        self.nothing_is_left()

    def test_what_is_only_named_like_a_database(self):
        self.make(self.home, {"empty.sqlite": "", "notes.sqlite": "no database"})
        _, files = self.held(self.keep()[0])
        self.assertEqual((files["empty.sqlite"], files["notes.sqlite"]), (b"", b"no database"))
        self.make(self.home, {"broken.sqlite": state.HEADER + b"\1" * 5000})
        self.assertIn("broken.sqlite can't be copied", self.keep(code=1)[1])

    def changed(self, name, times, mode="a"):
        """Has a file grow, or be another of the same size (`r+`), in the middle of its first copies."""
        os.utime(self.home / name, (1, 1))
        path, real, left = self.home / name, state.create, [times]

        def create(copy):
            made = real(copy)
            if left[0] and self.reads(path):
                left[0] -= 1
                with open(path, mode) as file:
                    file.write("more\n")
            return made

        return mock.patch.object(state, "create", create)

    def reads(self, path):
        """Whether this process has a file open."""
        opened = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        return str(path) in [os.readlink(link) for link in opened if os.path.islink(link)]

    def test_a_file_that_changes_is_read_again(self):
        name = "sessions/2026/11/a.jsonl"
        with self.changed(name, state.TRIES - 1):
            self.run_inside(backup.main, *self.folders())
        _, files = self.held(next(self.target.glob("*.gz")))
        self.assertEqual(files[name].decode(), KEPT[name] + "more\n" * (state.TRIES - 1))

    def test_a_file_that_never_stands_still_is_named_and_nothing_is_kept(self):
        for name, mode in (("installation_id", "a"), ("sessions/2026/11/a.jsonl", "r+")):
            with self.changed(name, 99, mode):
                said = self.run_inside(backup.main, *self.folders(), code=1)
            self.assertIn(f"{name} changed while it was read", said)
            self.nothing_is_left()
        self.assertEqual(json.loads((self.out / "summary.json").read_text())["failed"], 1)

    def test_a_file_that_has_gone_is_no_part_of_it(self):
        self.make(self.home, {TRACE: "a prompt"})
        real = state.walk

        def walk(*arguments):
            for found in real(*arguments):
                if found[0].name == TRACE:
                    (self.home / TRACE).unlink()
                yield found

        with mock.patch.object(state, "walk", walk):
            self.run_inside(backup.main, *self.folders("--with-traces"))
        _, files = self.held(next(self.target.glob("*.gz")))
        self.assertEqual(files.keys(), KEPT.keys())

    def test_half_a_login_is_none(self):
        self.make(self.home, {"auth.json": LOGIN[:-4]})
        self.assertIn("auth.json changed", self.keep(code=1)[1])
        self.nothing_is_left()
        self.keep("--without-login")

    def test_a_link_in_the_place_of_the_login_is_refused(self):
        for name in ("auth.json", "config.toml"):
            with self.subTest(name):
                (self.home / name).rename(self.folder / name)
                (self.home / name).symlink_to(self.folder / name)
                self.assertIn(f"{name} is a link", self.keep(code=1)[1])
                self.assertIn(f"{name} is a link", self.keep("--dry-run", code=1)[1])
                (self.home / name).unlink()
                (self.folder / name).rename(self.home / name)
        self.nothing_is_left()

    def test_an_archive_that_is_not_what_was_written_gets_no_name(self):
        real = archive.write

        def write(path, *more):
            real(path, *more)
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

        with mock.patch.object(archive, "write", write):
            self.run_inside(backup.main, *self.folders(), code=1)
        self.nothing_is_left()

    def test_old_archives_are_removed(self):
        others = {"codex-api-2026.tar.gz": "", "codex-api-20250101T000000Z.tar.gz.old": "", "notes": ""}
        old = [f"codex-api-2025010{day}T000000Z{number}.tar.gz" for day in (1, 2) for number in ("", "-2", "-10")]
        self.make(self.target, others | {name: "" for name in old} | {f"{name}.sha256": "" for name in old})
        path, said = self.keep("--keep", "2")
        left = {path.name, f"{path.name}.sha256", *others}
        left |= {old[-1], f"{old[-1]}.sha256"}
        self.assertEqual({path.name for path in self.target.iterdir()}, left)
        self.assertEqual(len(re.findall("removed: ", said)), 5)
        self.assertIsNotNone(self.keep()[0])

    def test_two_in_a_second_are_two(self):
        with mock.patch.object(backup, "stamp", lambda: "20261122T000000Z"):
            for _ in range(3):
                self.run_inside(backup.main, *self.folders())
        names = {path.name for path in self.target.glob("*.gz")}
        self.assertEqual(names, {f"codex-api-20261122T000000Z{number}.tar.gz" for number in ("", "-2", "-3")})
        for path in self.target.glob("*.gz"):
            archive.check_digest(path)

    def test_a_dry_run_writes_nothing(self):
        before = self.tree(self.home)
        _, said = self.keep("--dry-run")
        self.assertIn("config.toml", said)
        self.assertFalse(self.target.exists() or self.out.exists())
        self.assertEqual(self.tree(self.home), before)

    def test_the_home_is_left_as_it_is(self):
        before = self.tree(self.home)
        self.keep()
        self.assertEqual(self.tree(self.home), before)

    def test_bad_options_and_what_is_missing(self):
        self.run_script(*self.folders("--keep", "0"), code=2)
        self.run_script(*self.folders("--keep", "many"), code=2)
        self.run_script("--from", self.home, "--to", self.home / "backups", code=2)
        self.run_script("--from", self.folder / "none", "--to", self.target, code=3)
        self.nothing_is_left()
        self.make(self.target, {})
        self.target.chmod(0o777)
        self.assertIn("others can write", self.keep(code=1)[1])
        self.nothing_is_left()

    def test_somebody_who_may_not(self):
        for arguments in ([], ["--dry-run"]):
            said = self.run_powerless(backup.main, self.home, *self.folders(*arguments), code=1)
            self.assertIn("run this as root", said)
        self.run_powerless(backup.main, self.home, "--from", self.home / "below", "--to", self.target, code=3)

    def test_the_folder_of_compose(self):
        (self.folder / ".env").write_text(f"CODEX_HOME_DIR='{self.home}'\n")
        self.run_script("--to", self.target)
        self.assertEqual(len(list(self.target.glob("*.gz"))), 1)


if __name__ == "__main__":
    unittest.main()
