"""`scripts/sbom` as a program: on this repository, held to what cargo says in other ways, and on a small workspace."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "compose/sbom"
BINARIES = ("worker-daemon", "http-front", "codexctl")
NAMES = (*BINARIES, "codex")
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
OWN = "pkg:generic/codex-gateway/"


def sbom(root, *arguments, **environment):
    command = [sys.executable, root / "scripts/sbom", *arguments]
    settings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=settings, cwd="/", timeout=300, check=False)


def load(path):
    return json.loads(path.read_text())


def committed(name):
    return load(FOLDER / f"{name}.cdx.json")


def versions(document):
    """`name version` of each part."""
    return {f"{part['name']} {part['version']}" for part in document["components"]}


def root_of(document):
    root = document["metadata"]["component"]
    return f"{root['name']} {root['version']}"


def cargo(*arguments):
    told = subprocess.run(["cargo", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    if told.returncode:
        raise AssertionError(f"cargo {' '.join(arguments)}: {told.stderr}")
    return told.stdout


class Committed(unittest.TestCase):
    """The bills that are in the repository."""

    def test_they_are_what_the_locks_say(self):
        told = sbom(ROOT, "--check", "--dry-run")
        self.assertEqual((told.returncode, told.stdout.count("as it should be")), (0, len(NAMES)), told.stdout + told.stderr)

    def test_their_graphs_are_whole(self):
        for name in NAMES:
            document = committed(name)
            root = document["metadata"]["component"]["bom-ref"]
            references = [root, *(part["bom-ref"] for part in document["components"])]
            needs = {row["ref"]: row["dependsOn"] for row in document["dependencies"]}
            with self.subTest(name):
                self.assertEqual(len(references), len(set(references)))
                self.assertEqual(set(references), set(needs))
                reached, waiting = set(), [root]
                while waiting:
                    one = waiting.pop()
                    if one not in reached:
                        reached.add(one)
                        waiting += needs[one]
                self.assertEqual(reached, set(references))

    def test_every_part_of_others_has_a_digest_and_a_licence(self):
        for name in NAMES:
            for part in committed(name)["components"]:
                with self.subTest(name, part=part["name"]):
                    self.assertEqual(len(part["licenses"]), 1)
                    self.assertEqual("hashes" in part, not part["purl"].startswith(OWN))

    def test_they_name_no_host_and_no_time(self):
        for name in NAMES:
            text = (FOLDER / f"{name}.cdx.json").read_text()
            with self.subTest(name):
                self.assertEqual(re.findall(r"://|crates\.io|registry[.+]|github|timestamp|/tmp|/home", text), [])

    def test_codex_is_the_packages_of_linux(self):
        document = committed("codex")
        lock = load(ROOT / "scripts/codex/package-lock.json")["packages"]
        version = lock["node_modules/@openai/codex"]["version"]
        self.assertEqual(document["metadata"]["component"]["purl"], f"pkg:npm/%40openai/codex@{version}")
        self.assertEqual(versions(document), {f"codex {version}-linux-arm64", f"codex {version}-linux-x64"})
        for part in document["components"]:
            integrity = lock[f"node_modules/@openai/codex-{part['version'].removeprefix(f'{version}-')}"]["integrity"]
            digest = base64.b64encode(bytes.fromhex(part["hashes"][0]["content"])).decode()
            self.assertEqual(f"sha512-{digest}", integrity)
            self.assertEqual(part["hashes"][0]["alg"], "SHA-512")


class Schema(unittest.TestCase):
    """The bills are what they say that they are."""

    def setUp(self):
        try:
            from cyclonedx.schema import SchemaVersion
            from cyclonedx.validation.json import JsonStrictValidator
            from packageurl import PackageURL
        except ImportError as error:
            self.fail(f"this test needs the package `cyclonedx-python-lib[json-validation]`, where it is run: {error}")
        self.validator, self.purl = JsonStrictValidator(SchemaVersion.V1_6), PackageURL

    def test_they_are_valid(self):
        for name in NAMES:
            with self.subTest(name):
                self.assertIsNone(self.validator.validate_str((FOLDER / f"{name}.cdx.json").read_text()))

    def test_the_validator_sees_what_is_wrong(self):
        for member, value in (("scope", "sometimes"), ("bom_ref", "x"), ("licenses", [{"license": {"id": "Apache"}}])):
            document = committed("codex")
            document["components"][0][member] = value
            with self.subTest(member):
                self.assertIsNotNone(self.validator.validate_str(json.dumps(document)))

    def test_each_purl_is_one(self):
        for name in NAMES:
            document = committed(name)
            for part in (document["metadata"]["component"], *document["components"]):
                purl = self.purl.from_string(part["purl"])
                with self.subTest(part["purl"]):
                    self.assertEqual(purl.to_string(), part["purl"])
                    self.assertEqual((purl.name, purl.version), (part["name"], part["version"]))


class Oracles(unittest.TestCase):
    """What cargo says when it is asked in other ways."""

    @classmethod
    def setUpClass(cls):
        cls.packages, cls.edges = {}, set()
        for target in TARGETS:
            told = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))
            named = {package["id"]: package for package in told["packages"]}
            label = {key: f"{package['name']} {package['version']}" for key, package in named.items()}
            cls.packages.update({label[key]: package for key, package in named.items()})
            for node in told["resolve"]["nodes"]:
                for needed in node["deps"]:
                    for kind in needed["dep_kinds"]:
                        cls.edges.add((label[node["id"]], label[needed["pkg"]], kind["kind"] or "normal"))
        cls.documents = {name: committed(name) for name in BINARIES}

    def test_nothing_that_a_binary_is_built_of_is_missing(self):
        for name in BINARIES:
            for target in TARGETS:
                words = ["--locked", "--offline", "-e", "normal,build", "-p", name, "--target", target, "--prefix", "none"]
                lines = cargo("tree", *words, "--format", "{p}").splitlines()
                wanted = {" ".join(line.split()[:2]).replace(" v", " ") for line in lines if line}
                wanted.remove(root_of(self.documents[name]))
                with self.subTest(name, target=target):
                    self.assertGreater(len(wanted), 50)
                    self.assertEqual(wanted - versions(self.documents[name]), set())

    def test_every_line_of_a_graph_is_a_dependency_and_none_is_of_tests(self):
        for name, document in self.documents.items():
            labels = {part["bom-ref"]: f"{part['name']} {part['version']}" for part in document["components"]}
            labels[document["metadata"]["component"]["bom-ref"]] = root_of(document)
            with self.subTest(name):
                for row in document["dependencies"]:
                    for needed in row["dependsOn"]:
                        edge = labels[row["ref"]], labels[needed]
                        self.assertTrue({(*edge, "normal"), (*edge, "build")} & self.edges, edge)
                own = {package["name"] for package in self.packages.values() if package["source"] is None}
                tests = {needed for one, needed, kind in self.edges if kind == "dev" and one.split()[0] in own}
                used = {needed for _, needed, kind in self.edges if kind != "dev"}
                self.assertTrue({"proptest", "insta"} <= {label.split()[0] for label in tests | used})
                self.assertEqual(versions(document) & (tests - used), set())
                names = {part["name"] for part in document["components"]}
                self.assertEqual(names & {"insta", "proptest", "criterion", "rcgen", "jsonschema", "libfuzzer-sys"}, set())

    def test_what_is_linked_and_what_only_builds(self):
        for name, document in self.documents.items():
            scopes = {f"{part['name']} {part['version']}": part["scope"] for part in document["components"]}
            macros = {label for label in scopes if "proc-macro" in self.packages[label]["targets"][0]["kind"]}
            with self.subTest(name):
                self.assertTrue(macros)
                self.assertEqual({scopes[label] for label in macros}, {"excluded"})
                normal, waiting = set(), [root_of(document)]
                while waiting:
                    one = waiting.pop()
                    if one not in normal and one not in macros:
                        normal.add(one)
                        waiting += [needed for left, needed, kind in self.edges if left == one and kind == "normal"]
                # metadata takes more features than the build does, never fewer.
                linked = {label for label, scope in scopes.items() if scope == "required"}
                self.assertEqual(linked - normal, set())
                self.assertEqual({scopes[label] for label in normal & set(scopes)}, {"required"})

    def test_licences_and_digests_are_those_of_the_crates(self):
        lock = (ROOT / "Cargo.lock").read_text()
        for name, document in self.documents.items():
            for part in document["components"]:
                package = self.packages[f"{part['name']} {part['version']}"]
                said = part["licenses"][0]
                words = lambda text: re.sub(r"\s*/\s*", " OR ", text)  # noqa: E731
                with self.subTest(name, part=part["name"]):
                    self.assertEqual(said.get("expression") or said["license"]["id"], words(package["license"]))
                    entry = re.search(
                        rf'name = "{re.escape(part["name"])}"\nversion = "{re.escape(part["version"])}"\n(.*\n)*?(?=\n|\Z)', lock
                    )
                    digest = part["hashes"][0]["content"] if "hashes" in part else None
                    self.assertEqual(digest, (re.findall(r'checksum = "(\w+)"', entry[0]) or [None])[0])


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
