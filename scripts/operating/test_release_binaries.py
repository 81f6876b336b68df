import shutil
import struct
import unittest
from pathlib import Path

from . import release_fixtures as fixtures
from .releasing import elf

HERE = fixtures.platform.machine()
OTHER = {"x86_64": "aarch64", "aarch64": "x86_64"}[HERE]


def built(name):
    return f"binary {name}: static, stripped, for {HERE}"


def home(name):
    return f"binary {name}: no path of the builder's home"


def version(name):
    return f"binary {name}: the version is Cargo.toml's"


class Binaries(fixtures.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.shared / "good").mkdir()
        for name in fixtures.BINARIES:
            fixtures.program(cls.shared / "good" / name, name)

    def setUp(self):
        super().setUp()
        self.bin = self.folder / "release"
        shutil.copytree(self.shared / "good", self.bin)

    def build(self, name, *arguments, **more):
        fixtures.program(self.bin / name, name, *arguments, **more)

    def test_good_ones_are_good_and_their_sums_are_kept(self):
        self.release("--bin-dir", self.bin)
        self.assert_good()
        self.assertEqual(self.checks[version("http-front")]["seen"], "http-front 1.2.3")
        kept = dict(reversed(line.split("  ")) for line in (self.out / "sha256sums.txt").read_text().splitlines())
        sums = fixtures.run(["sha256sum", *fixtures.BINARIES], self.bin)
        self.assertEqual(kept, dict(reversed(line.split()) for line in sums.splitlines()))

    def test_one_that_is_not_there(self):
        (self.bin / "codexctl").unlink()
        self.release("--bin-dir", self.bin)
        self.assert_found(built("codexctl"), f"{self.bin}/codexctl is not there", alone=False)
        self.assertEqual(self.checks[built("http-front")]["state"], "ok")

    def test_a_dynamic_one(self):
        self.build("http-front", options=("-s",))
        self.release("--bin-dir", self.bin)
        self.assert_found(built("http-front"), "it is not static: /lib", "it needs 1 shared libraries")

    def test_the_systems_own_programs_are_dynamic(self):
        shutil.copy(shutil.which("true"), self.bin / "worker-daemon")
        self.release("--bin-dir", self.bin)
        self.assert_found(built("worker-daemon"), "it is not static", alone=False)
        self.assert_found(version("worker-daemon"), "not 'worker-daemon 1.2.3'", alone=False)

    def test_one_with_symbols_and_one_for_a_debugger(self):
        self.build("http-front", options=("-static",))
        self.build("codexctl", options=("-static", "-g"))
        self.release("--bin-dir", self.bin)
        self.assert_found(built("http-front"), "it has a table of symbols", alone=False)
        self.assertNotIn("debugger", self.checks[built("http-front")]["problem"])
        self.assert_found(built("codexctl"), "it has a table of symbols", "it has sections for a debugger", alone=False)

    def test_one_for_another_machine(self):
        path = self.bin / "codexctl"
        data = bytearray(path.read_bytes())
        struct.pack_into("<H", data, 18, {"aarch64": 183, "x86_64": 62}[OTHER])
        path.write_bytes(data)
        self.release("--bin-dir", self.bin)
        self.assert_found(built("codexctl"), f"it is for {OTHER}, not for {HERE}")
        # It can't be asked here, and that is no fault of it.
        self.assertEqual(self.checks[version("codexctl")]["state"], "not checked")
        self.release("--bin-dir", self.bin, "--machine", OTHER)
        self.assertEqual(self.checks[f"binary codexctl: static, stripped, for {OTHER}"]["state"], "ok")
        self.assertEqual(self.checks[f"binary http-front: static, stripped, for {OTHER}"]["state"], "FAILED")

    def test_one_that_is_no_program(self):
        (self.bin / "http-front").write_text("#!/bin/sh\necho http-front 1.2.3\n")
        (self.bin / "codexctl").write_bytes((self.bin / "codexctl").read_bytes()[:100])
        self.release("--bin-dir", self.bin)
        self.assert_found(built("http-front"), "no ELF file", alone=False)
        self.assert_found(built("codexctl"), "cut off", alone=False)

    def test_one_of_another_version(self):
        self.build("worker-daemon", "1.2.2")
        self.release("--bin-dir", self.bin)
        self.assert_found(version("worker-daemon"), "said 'worker-daemon 1.2.2', not 'worker-daemon 1.2.3'")

    def test_a_path_of_the_builders_home(self):
        self.build("http-front", more="/home/somebody/.cargo/registry/src/near-1.0.7/src/lib.rs")
        self.build("codexctl", more="/root/.cargo/registry/src/near-1.0.7/src/lib.rs")
        self.release("--bin-dir", self.bin)
        self.assert_found(home("http-front"), "1 times /home/somebody/.cargo/…", alone=False)
        self.assert_found(home("codexctl"), "1 times /root/.cargo/…", alone=False)
        self.assertEqual(self.checks[home("worker-daemon")]["state"], "ok")


class Elf(unittest.TestCase):
    def test_a_file_that_is_cut_off_is_refused(self):
        # Its sections stand at its end.
        data = Path(shutil.which("true")).read_bytes()
        self.assertTrue(elf.parse(data).interpreter)
        for length in (*range(0, 1200, 7), len(data) // 2, len(data) - 1):
            with self.subTest(length), self.assertRaises(elf.NoElf):
                elf.parse(data[:length])


if __name__ == "__main__":
    unittest.main()
