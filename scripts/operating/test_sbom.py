"""`scripts/sbom` on this repository: held to the locks, to the schema, and to what cargo says in other ways."""

import base64
import json
import re
import subprocess
import unittest

from .sbom_testing import BINARIES, NAMES, OWN, ROOT, load, sbom, versions

FOLDER = ROOT / "compose/sbom"
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def committed(name):
    return load(FOLDER / f"{name}.cdx.json")


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


if __name__ == "__main__":
    unittest.main()
