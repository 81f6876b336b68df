import gzip
import io
import tarfile
import unittest
from unittest import mock

from . import archive, restore
from .restore_testing import RestoreTest


class Refusals(RestoreTest):
    def test_what_is_missing_and_bad_options(self):
        self.refused("there is no file", file=self.folder / "none.tar.gz", code=3)
        archive.sidecar(self.archive).unlink()
        self.refused("is missing", code=3)
        self.refused("UID:GID", arguments=["--owner", "codex"], code=2)
        self.assertIn("FILE", self.run_script("--to", self.target, code=2))

    def test_an_archive_that_is_not_what_was_written(self):
        data = self.archive.read_bytes()
        for place in (0, 20, len(data) // 2, len(data) - 1):
            with self.subTest(place):
                self.archive.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
                self.refused("its SHA-256 is not that of")
        archive.sidecar(self.archive).write_text("no digest\n")
        self.refused("holds no SHA-256")

    def test_a_digest_that_was_made_anew_does_not_hide_a_changed_byte(self):
        data = self.archive.read_bytes()
        for end in (0, 10, len(data) // 2, len(data) - 9, len(data) - 4, len(data) - 1):
            with self.subTest(end):
                self.write(data[:end])
                self.refused("")
        # Behind gzip's header, whose bytes mean nothing.
        for place in range(10, len(data), len(data) // 6):
            with self.subTest(place):
                self.write(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
                self.refused("")

    def test_the_archive_is_made_as_here(self):
        self.build(*self.parts())
        self.restore()
        self.assertEqual(self.tree(self.target), self.tree(self.home))

    def test_a_changed_file(self):
        manifest, files = self.parts()
        name, data = files[0]
        self.build(manifest, [(name, data[:-1] + b"!"), *files[1:]])
        self.refused("is not what was kept")
        self.build(manifest, [(name, data + b"!"), *files[1:]])
        self.refused("where its manifest has the file")

    def test_members_that_the_manifest_does_not_name(self):
        manifest, files = self.parts()
        self.build(manifest, [*files, ("codex-api/AGENTS.md", b"x")])
        self.refused("more than its manifest names")
        self.build(manifest, [("codex-api/AGENTS.md", b"x"), *files])
        self.refused("holds codex-api/AGENTS.md where")
        self.build(manifest, files[:-1])
        self.refused("the archive ends before")
        self.build(manifest, [*files[1:], files[0]])
        self.refused("where its manifest has the file")
        self.write(self.archive.read_bytes() + gzip.compress(b"x" * 9))
        self.refused("")

    def test_what_follows_the_end(self):
        data = gzip.decompress(self.archive.read_bytes())
        self.write(gzip.compress(data + b"\0" * 1024 + b"more"))
        self.refused("more than its manifest names")
        self.write(gzip.compress(data + b"\0" * (1 << 20)))
        self.refused("more than its manifest names")

    def test_names_that_lead_elsewhere(self):
        for name in ("../x", "/tmp/x", "a/../../x", "sessions/./x", "sessions//x", "", "..", "none/x", "x\0y", "config.toml"):
            with self.subTest(name):
                archived, (manifest, files) = self.archive.read_bytes(), self.parts()
                entry = dict(manifest["entries"][-1], name=name)
                manifest["entries"].append(entry)
                self.build(manifest, [*files, (f"codex-api/{name}", files[-1][1])])
                self.refused("the manifest has")
                self.write(archived)
        self.assertFalse((self.folder / "x").exists() or (self.folder.parent / "x").exists())

    def test_members_that_are_no_files(self):
        manifest, files = self.parts()
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            with self.subTest(kind):
                members = [member(name, kind) if name == "codex-api/empty" else (name, data) for name, data in files]
                self.assertNotEqual(members, files)
                self.build(manifest, members)
                self.refused("where its manifest has the file empty")

    def test_manifests_that_are_none(self):
        manifest, files = self.parts()
        first = manifest["entries"][0]

        def entries(*changed):
            return manifest | {"entries": list(changed)}

        for told, word in (
            (b"{", "is broken"),
            (b"[" * 100_000, "is broken"),
            (b"[]", "format"),
            (manifest | {"format": 2}, "format"),
            (manifest | {"entries": None}, "no entries"),
            (entries(), "no entries"),
            (entries(first, {"name": "x"}), "without its members"),
            (entries(dict(first, extra=1)), "without its members"),
            (entries(dict(first, mode="0700")), "mode can't be"),
            (entries(dict(first, size=-1)), "size can't be"),
            (entries(dict(first, uid=True)), "uid can't be"),
            (entries(dict(first, uid=2**32 - 1)), "can't be"),
            (entries(dict(first, type="link")), "can't be"),
            (entries(first, first), "leads elsewhere"),
            (entries(first, dict(manifest["entries"][-1], sha256="x")), "no digest"),
            (entries(first, dict(manifest["entries"][-1], size=archive.MOST_BYTES + 1)), "too much"),
            (entries(*manifest["entries"][1:]), "leads elsewhere"),
        ):
            with self.subTest(told):
                self.build(told, files)
                self.refused(word)
        self.build(manifest, files)
        with mock.patch.object(archive, "MOST_ENTRIES", 3):
            self.assertIn("too many", self.run_inside(restore.main, self.archive, "--to", self.target, code=1))

    def test_what_is_no_archive_of_ours(self):
        for data in (b"", b"x" * 5000, gzip.compress(b""), gzip.compress(b"x" * 5000)):
            self.write(data)
            self.refused("")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            tar.addfile(tarfile.TarInfo("codex-api/config.toml"))
        self.write(out.getvalue())
        self.refused("doesn't begin with its MANIFEST.json")

    def test_a_header_that_asks_for_too_much(self):
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
        # The size of what follows as a bomb would have it, without the bomb.
        self.write(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096))
        self.refused("asks for too much")


def member(name, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "codex-api/auth.json"
    return info


if __name__ == "__main__":
    unittest.main()
