"""`scripts/sbom` on a small workspace that has one dependency of each kind."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from .sbom_testing import BINARIES, NAMES, OWN, ROOT, load, sbom, versions

CRATES = {
    "worker-daemon": """
        [dependencies]
        linked.path = "../linked"
        derive.path = "../derive"
        [target.'cfg(target_arch = "aarch64")'.dependencies]
        arm.path = "../arm"
        [target.'cfg(target_arch = "x86_64")'.dependencies]
        intel.path = "../intel"
        [target.'cfg(windows)'.dependencies]
        windows.path = "../windows"
        [build-dependencies]
        builder.path = "../builder"
        [dev-dependencies]
        tester.path = "../tester"
        linked = { path = "../linked", features = ["more"] }
    """,
    "http-front": "[dependencies]\nlinked.path = '../linked'\n",
    "codexctl": "",
    "linked": """
        [dependencies]
        optional = { path = "../optional", optional = true }
        [features]
        more = ["dep:optional"]
    """,
    "derive": "[lib]\nproc-macro = true\n[dependencies]\nexpands.path = '../expands'\n",
    "expands": "",
    "arm": "",
    "intel": "",
    "windows": "",
    "builder": "",
    "tester": "",
    "optional": "",
}


class Small(unittest.TestCase):
    """A workspace that has one dependency of each kind, with the real script and the real cargo in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        leave = shutil.ignore_patterns("test_*", "__pycache__")
        shutil.copytree(ROOT / "scripts/operating", self.root / "scripts/operating", ignore=leave)
        shutil.copytree(ROOT / "scripts/codex", self.root / "scripts/codex", ignore=shutil.ignore_patterns("node_modules"))
        shutil.copy(ROOT / "scripts/sbom", self.root / "scripts/sbom")
        shutil.copy(ROOT / "rust-toolchain.toml", self.root)
        for name, rest in CRATES.items():
            source = self.root / name / "src"
            source.mkdir(parents=True)
            (source / ("main.rs" if name in BINARIES else "lib.rs")).write_text("fn main() {}\n")
            # `cargo` reads build scripts' names, and runs none here.
            (self.root / name / "build.rs").write_text("fn main() {}\n")
            self.manifest(name, rest)
        members = ", ".join(f'"{name}"' for name in CRATES)
        (self.root / "Cargo.toml").write_text(f'[workspace]\nresolver = "2"\nmembers = [{members}]\n')
        self.lock()
        self.folder = self.root / "compose/sbom"

    def manifest(self, name, rest, version="1.0.0", licence="MIT/Apache-2.0"):
        head = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\nlicense = "{licence}"\n'
        (self.root / name / "Cargo.toml").write_text(head + rest)

    def lock(self):
        command = ["cargo", "generate-lockfile", "--offline"]
        subprocess.run(command, cwd=self.root, capture_output=True, timeout=300, check=True)

    def run_it(self, *arguments, code=0, **environment):
        told = sbom(self.root, *arguments, CARGO_NET_OFFLINE="true", **environment)
        self.assertEqual(told.returncode, code, told.stdout + told.stderr)
        self.assertNotIn("Traceback", told.stderr)
        return told.stdout + told.stderr

    def bill(self, name):
        return load(self.folder / f"{name}.cdx.json")

    def test_each_kind_of_dependency(self):
        self.run_it()
        document = self.bill("worker-daemon")
        scopes = {part["name"]: part["scope"] for part in document["components"]}
        inside = dict.fromkeys(("arm", "intel", "linked"), "required")
        outside = dict.fromkeys(("builder", "derive", "expands"), "excluded")
        self.assertEqual(scopes, {**inside, **outside})
        needs = {row["ref"].removeprefix(OWN): row["dependsOn"] for row in document["dependencies"]}
        direct = [f"{OWN}{name}@1.0.0" for name in ("arm", "builder", "derive", "intel", "linked")]
        self.assertEqual(needs["worker-daemon@1.0.0"], direct)
        self.assertEqual(needs["derive@1.0.0"], [f"{OWN}expands@1.0.0"])
        self.assertEqual({part["licenses"][0]["expression"] for part in document["components"]}, {"MIT OR Apache-2.0"})
        self.assertEqual(versions(self.bill("http-front")), {"linked 1.0.0"})
        self.assertEqual(versions(self.bill("codexctl")), set())

    def test_the_same_locks_give_the_same_bytes(self):
        self.run_it()
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.assertEqual(sorted(before), sorted(f"{name}.cdx.json" for name in NAMES))
        other = self.root / "other"
        self.run_it("--out", str(other))
        self.assertEqual({path.name: path.read_bytes() for path in other.iterdir()}, before)
        serials = {self.bill(name)["serialNumber"] for name in NAMES}
        self.assertEqual(len(serials), len(NAMES))

    def test_a_new_version_is_found_and_named(self):
        self.run_it()
        serial = self.bill("http-front")["serialNumber"]
        self.manifest("linked", CRATES["linked"], version="1.0.1")
        self.lock()
        said = self.run_it("--check", code=1)
        self.assertIn(f"http-front.cdx.json: DIFFERS\n  component {OWN}linked@1.0.1 is missing\n", said)
        self.assertIn(f"  component {OWN}linked@1.0.0 should not be there\n", said)
        self.assertIn("codexctl.cdx.json: as it should be\n", said)
        self.assertNotIn("serialNumber", said)
        self.assertEqual(versions(self.bill("http-front")), {"linked 1.0.0"})
        self.run_it()
        self.assertEqual(versions(self.bill("http-front")), {"linked 1.0.1"})
        self.assertNotEqual(self.bill("http-front")["serialNumber"], serial)
        self.run_it("--check")

    def test_a_changed_file_is_found_and_told_in_what(self):
        self.run_it()
        path = self.folder / "codex.cdx.json"
        good = path.read_text()
        document = json.loads(good)
        document["components"][0]["hashes"][0]["content"] = "0" * 128
        changes = {
            json.dumps(document): f"component {document['components'][0]['bom-ref']} differs",
            good.replace("  ", " "): "it is written differently",
            good.replace('"version": 1,', '"version": 2,'): "version differs",
            "[]": "it is no bill of materials",
            "": "it is no bill of materials",
        }
        for text, wanted in changes.items():
            with self.subTest(wanted):
                path.write_text(text)
                said = self.run_it("--check", code=1)
                self.assertIn(f"codex.cdx.json: DIFFERS\n  {wanted}\n", said)
                self.assertEqual(said.count("DIFFERS"), 1)
        path.unlink()
        self.assertIn("codex.cdx.json: DIFFERS\n  it is not there\n", self.run_it("--check", code=1))

    def test_a_bill_of_something_that_does_not_ship_is_found(self):
        self.run_it()
        (self.folder / "gone.cdx.json").write_text("{}")
        self.assertIn("gone.cdx.json: DIFFERS\n  nothing of this name ships", self.run_it("--check", code=1))
        self.run_it(code=1)
        self.assertTrue((self.folder / "gone.cdx.json").exists())

    def test_codexs_lock_is_followed(self):
        path = self.root / "scripts/codex/package-lock.json"
        lock = load(path)
        arm = lock["packages"]["node_modules/@openai/codex-linux-arm64"]
        arm["dependencies"] = {"near": "1", "far": "1"}
        sha256 = "sha256-" + "A" * 43 + "="
        near = "node_modules/@openai/codex-linux-arm64/node_modules/near"
        lock["packages"][near] = {"version": "1.0.0+a", "integrity": sha256, "os": ["!win32"]}
        lock["packages"]["node_modules/near"] = {"version": "2.0.0", "integrity": sha256}
        lock["packages"]["node_modules/far"] = {"version": "1.2.3", "integrity": sha256, "os": ["!linux"]}
        path.write_text(json.dumps(lock))
        self.run_it()
        parts = {part["name"]: part for part in self.bill("codex")["components"]}
        self.assertEqual(sorted(parts), ["codex", "near"])
        self.assertEqual(parts["near"]["purl"], "pkg:npm/near@1.0.0%2Ba")
        self.assertEqual(parts["near"]["hashes"], [{"alg": "SHA-256", "content": "0" * 64}])
        for broken, words in (
            ({"version": "1"}, "no 'integrity'"),
            ({"version": "1", "integrity": "md5-x"}, "no integrity that is known"),
            ({"version": "1", "integrity": "sha512-!"}, "is no integrity"),
        ):
            lock["packages"][near] = broken
            path.write_text(json.dumps(lock))
            self.assertIn(words, self.run_it(code=1))
        path.write_text("{}")
        self.assertIn("not as npm writes it", self.run_it(code=1))

    def test_a_dry_run_writes_nothing(self):
        before = sorted(path for path in self.root.rglob("*"))
        said = self.run_it("--dry-run")
        self.assertEqual(said.count("would be written"), len(NAMES))
        self.run_it("--check", "--dry-run", code=1)
        self.assertEqual(sorted(path for path in self.root.rglob("*")), before)

    def test_a_run_leaves_evidence(self):
        self.run_it()
        (self.folder / "codex.cdx.json").unlink()
        said = self.run_it("--check", code=1)
        folder = Path(re.search(r"evidence: (.+)", said)[1])
        self.assertEqual(folder.parent, self.root / "test-results")
        summary = load(folder / "summary.json")
        problems = {check["name"]: check["problem"] for check in summary["checks"]}
        wanted = dict.fromkeys((f"{name}.cdx.json" for name in BINARIES)) | {"codex.cdx.json": "it is not there"}
        self.assertEqual((problems, summary["failed"]), (wanted, 1))

    def test_what_is_missing_ends_with_3(self):
        empty = self.root / "empty"
        empty.mkdir()
        self.assertIn("cargo is not installed", self.run_it(code=3, PATH=str(empty)))
        lock = self.root / "scripts/codex/package-lock.json"
        lock.rename(empty / "lock")
        self.assertIn("package-lock.json is not there", self.run_it(code=3))
        (empty / "lock").rename(lock)
        (self.root / "Cargo.lock").unlink()
        self.assertIn("Cargo.lock is not there", self.run_it(code=3))
        self.assertFalse(self.folder.exists())

    def test_a_lock_that_is_behind_is_not_followed(self):
        self.manifest("codexctl", "[dependencies]\nlinked.path = '../linked'\n")
        self.assertIn("`cargo tree` failed: error: ", self.run_it(code=1))

    def test_a_crate_from_elsewhere_is_not_named(self):
        path = self.root / "Cargo.lock"
        text = path.read_text()
        path.write_text(text + '\n[[package]]\nname = "x"\nversion = "1.0.0"\nsource = "git+https://user:pass@host/x#1"\n')
        said = self.run_it(code=1)
        self.assertIn("x 1.0.0 is from no registry (git+https)", said)
        self.assertNotIn("pass", said)

    def test_options(self):
        said = self.run_it("--help")
        self.assertIn("exit codes: 0 ", said)
        self.run_it("--chek", code=2)
        (self.root / "file").write_text("")
        self.assertIn("is no folder", self.run_it("--out", str(self.root / "file"), code=2))


if __name__ == "__main__":
    unittest.main()
