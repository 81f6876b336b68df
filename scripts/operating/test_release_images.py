import gzip
import io
import json
import shutil
import tarfile
import unittest

from . import release_fixtures as fixtures

HERE = fixtures.platform.machine()
PARTS = "list of parts (SBOM)"
BUILT = f"binaries static, stripped, for {HERE}"
TOLD = "no secret in variables and history"
KEPT = "no secret in files"


def crate(name, version="1.0.7"):
    return {"type": "library", "name": name, "version": version, "purl": f"pkg:cargo/{name}@{version}"}


def bill(*parts):
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": list(parts)})


class Images(fixtures.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Compiled once; tests replace them.
        for name, version in (*((name, fixtures.VERSION) for name in fixtures.BINARIES), ("codex-cli", fixtures.CODEX)):
            fixtures.program(cls.shared / name, name, version)

    def setUp(self):
        super().setUp()
        self.docker = fixtures.Docker(self.folder / "docker")
        self.path.append(self.docker.folder)
        self.worker, self.front = self.image("worker-daemon", "10001:10000"), self.image("http-front", "10002:10000")
        self.worker.file("opt/codex/bin/codex", self.program("codex-cli"), 0o755)
        self.worker.file("usr/bin/dash", b"\x7fELF", 0o755)
        self.worker.link("usr/bin/sh", "dash")
        self.worker.link("bin", "usr/bin")
        self.worker.config["Env"] += ["CODEX_BIN=/opt/codex/bin/codex", "CODEX_HOME=/var/lib/codex"]
        codex = {"type": "application", "group": "@openai", "name": "codex", "version": fixtures.CODEX}
        self.parts(self.worker, crate("near"), crate("far"))
        # A list may be of one thing alone.
        alone = {"bomFormat": "CycloneDX", "metadata": {"component": codex}}
        self.worker.file("usr/share/sbom/codex.cdx.json", json.dumps(alone))
        self.front.file("usr/local/bin/codexctl", self.program("codexctl"), 0o755)
        self.front.config["Env"] += ["PROXY_API_KEY=", "PROXY_API_KEYS_FILE=/run/keys/keys.toml"]
        self.parts(self.front, {**crate("near"), "components": [crate("far")]})

    def program(self, name):
        return (self.shared / name).read_bytes()

    def image(self, program, user):
        label = "org.opencontainers.image."
        layers = fixtures.Layers(
            {
                "User": user,
                "Env": ["PATH=/usr/local/bin:/usr/bin"],
                "Entrypoint": [program],
                "Healthcheck": {"Test": ["CMD", f"/usr/local/bin/{program}", "--check-config"]},
                "Labels": {
                    f"{label}version": fixtures.VERSION,
                    f"{label}revision": self.repository.head,
                    f"{label}licenses": "Apache-2.0",
                },
            }
        )
        layers.file(f"usr/local/bin/{program}", self.program(program), 0o755)
        layers.file("etc/passwd", "codex:x:10001:10000::/:/sbin/nologin\n")
        return layers

    @staticmethod
    def parts(layers, *parts):
        layers.replace("usr/share/sbom/gateway.cdx.json", bill(*parts), 0o644)

    def look(self, *options):
        self.docker.add("worker", self.worker)
        self.docker.add("front", self.front)
        return self.release("--worker-image", "worker", "--front-image", "front", *options)

    def assert_front(self, check, *words, alone=True):
        self.look()
        self.assert_found(f"image front: {check}", *words, alone=alone)

    def assert_worker(self, check, *words, alone=True):
        self.look()
        self.assert_found(f"image worker: {check}", *words, alone=alone)

    def test_good_ones_are_good_and_their_lists_are_kept(self):
        self.look()
        self.assert_good()
        self.assertEqual(self.summary["left_out"], ["--bin-dir"])
        states = {name: check["state"] for name, check in self.checks.items() if name.startswith("image")}
        self.assertEqual(set(states.values()), {"ok"}, self.said)
        self.assertEqual(len(states), 24)
        kept = (self.out / "sbom/front-gateway.cdx.json").read_text()
        self.assertEqual(json.loads(kept)["bomFormat"], "CycloneDX")
        kept = sorted(path.name for path in (self.out / "sbom").iterdir())
        self.assertEqual(kept, ["front-gateway.cdx.json", "worker-codex.cdx.json", "worker-gateway.cdx.json"])
        sums = (self.out / "sha256sums.txt").read_text()
        for name in ("worker:/usr/local/bin/worker-daemon", "front:/usr/local/bin/http-front", "front:/usr/local/bin/codexctl"):
            self.assertIn(f"  {name}\n", sums)
        self.assertIn("2 crates (those that are linked) and codex 0.9.8", self.said)

    def test_one_that_is_not_there_leaves_the_rest_open_and_the_other_checked(self):
        self.docker.add("front", self.front)
        self.release("--worker-image", "nowhere", "--front-image", "front")
        self.assert_found("image worker: exists", "No such image: nowhere")
        self.assertEqual(self.checks["image worker: labels"]["state"], "not checked")
        self.assertEqual(self.checks["image front: labels"]["state"], "ok")

    def test_one_that_was_saved_badly(self):
        self.docker.add("front", self.front)
        (self.docker.folder / "front.tar").write_bytes(b"no archive")
        self.release("--front-image", "front")
        self.assert_found("image front: exists", "can't be checked: ReadError")

    def test_users(self):
        check, root, name = "user, without root, as a number", "which is root", "must be a number"
        for front, why, worker, also in (
            ("", root, "0", "the user is root's"),
            ("root", name, "0:10000", "the user is root's"),
            ("codex-front", name, "10001:0", "the group is root's"),
        ):
            with self.subTest(front=front, worker=worker):
                self.front.config["User"], self.worker.config["User"] = front, worker
                self.look()
                self.assert_found(f"image front: {check}", why, alone=False)
                self.assert_found(f"image worker: {check}", also, alone=False)
                self.assertEqual(self.summary["failed"], 2)

    def test_entry_points(self):
        check = "starts its program, without a shell"
        self.front.config["Entrypoint"] = ["/bin/sh", "-c", "http-front"]
        self.assert_front(check, "the entry point is /bin/sh")
        self.front.config["Entrypoint"] = None
        self.assert_front(check, "the entry point is not set")
        self.front.config["Entrypoint"] = ["/opt/http-front"]
        self.assert_front(check, "/opt/http-front is not in the image")

    def test_health_checks(self):
        for front, why, worker, also in (
            (None, "no HEALTHCHECK", {"Test": ["NONE"]}, "no HEALTHCHECK"),
            # Through the links of the worker's folders a shell is found; the front has none.
            ({"Test": ["CMD-SHELL", "true"]}, "needs /bin/sh", {"Test": ["CMD", "curl", "-f"]}, "needs curl"),
            ({"Test": ["CMD", "/usr/bin/curl"]}, "needs /usr/bin/curl", {"Test": ["CMD-SHELL", "true"]}, None),
        ):
            with self.subTest(front=front, worker=worker):
                self.front.config["Healthcheck"], self.worker.config["Healthcheck"] = front, worker
                self.look()
                self.assert_found("image front: health check", why, alone=False)
                if also:
                    self.assert_found("image worker: health check", also, alone=False)
                self.assertEqual(self.summary["failed"], 2 if also else 1)
        self.assertEqual(self.checks["image worker: health check"]["seen"], "/usr/bin/dash")

    def test_labels(self):
        labels = self.front.config["Labels"]
        labels["org.opencontainers.image.version"] = "1.2.2"
        labels["org.opencontainers.image.revision"] = "0" * 40
        del labels["org.opencontainers.image.licenses"]
        self.assert_front("labels", "version is '1.2.2', not '1.2.3'", "revision is '000", "licenses is None, not 'Apache-2.0'")

    def test_secrets_in_variables_settings_and_history_are_named_and_not_told(self):
        key = fixtures.key(11)
        self.front.config["Env"] += [f"PROXY_API_KEY={key}", f"OTHER={fixtures.key(12)}"]
        self.front.config["Healthcheck"]["Test"] += ["-H", f"Authorization: Bearer {fixtures.key(13)}"]
        self.front.history += [
            {"created_by": "RUN |1 NPM_TOKEN=not-so-secret /bin/sh -c npm ci"},
            {"created_by": f"RUN echo {fixtures.key(14)}", "empty_layer": True},
        ]
        self.assert_front(
            TOLD,
            "the variable PROXY_API_KEY has a value",
            "the variable OTHER has an API key",
            "the settings have an API key",
            "history, step 2: NPM_TOKEN has a value",
            "history, step 3: an API key",
        )
        everything = self.said + self.complained + (self.out / "summary.json").read_text()
        for value in (key, *(fixtures.key(seed) for seed in (12, 13, 14)), "not-so-secret"):
            self.assertNotIn(value, everything)

    def test_secrets_in_files_of_any_layer(self):
        self.worker.file("var/lib/codex/auth.json", "{}", 0o600)
        self.worker.layer()
        self.worker.file("var/lib/codex/.wh.auth.json")
        self.worker.file("root/.npmrc", f"//registry/:_authToken={fixtures.key(15, 'npm_', 36)}\n")
        self.worker.file("etc/ssl/front.key", fixtures.private_key())
        self.assert_worker(
            KEPT,
            "layer 1, /var/lib/codex/auth.json: a login of codex",
            "layer 2, /root/.npmrc:1: a token of npm",
            "layer 2, /etc/ssl/front.key:1: a private key",
        )
        self.assertNotIn(fixtures.key(15, "", 36), self.said)

    def test_setuid_counts_where_it_is_seen(self):
        self.worker.file("usr/bin/su", b"x", 0o4755)
        self.worker.file("usr/bin/wall", b"x", 0o2755)
        self.worker.file("usr/bin/mount", b"x", 0o4755)
        self.worker.file("usr/sbin/old/passwd", b"x", 0o4755)
        self.worker.file("opt/gone/sudo", b"x", 0o4755)
        self.worker.layer()
        self.worker.file("usr/bin/mount", b"x", 0o755)
        self.worker.file("usr/sbin/.wh.old")
        self.worker.file("opt/gone/.wh..wh..opq")
        self.assert_worker("no setuid", "/usr/bin/su is setuid", "/usr/bin/wall is setgid")
        for gone in ("mount", "passwd", "sudo"):
            self.assertNotIn(gone, self.said)

    def test_the_front_has_no_shell(self):
        self.front.file("bin/busybox", b"x", 0o755)
        self.front.link("bin/sh", "busybox")
        # A text of that name is none.
        self.front.file("usr/share/doc/bash", b"x")
        self.assert_front("no shell", "/bin/busybox is a shell", "/bin/sh is a shell")
        self.assertNotIn("doc", self.checks["image front: no shell"]["problem"])

    def test_binaries_that_are_built_otherwise(self):
        path = fixtures.program(self.folder / "dynamic", "codexctl", more="/home/somebody/src/main.rs", options=())
        self.front.replace("usr/local/bin/codexctl", path.read_bytes())
        where = "/usr/local/bin/codexctl: "
        self.assert_front(
            BUILT, f"{where}it is not static", f"{where}it is not stripped", f"{where}1 times /home/somebody/src"
        )

    def test_an_image_without_its_program(self):
        self.front.remove("usr/local/bin/http-front")
        self.assert_front(BUILT, "http-front is not in the image", alone=False)

    def test_an_image_for_another_machine(self):
        self.front.architecture = {"x86_64": "arm64", "aarch64": "amd64"}[HERE]
        self.assert_front(BUILT, "the image is for ")
        self.assertEqual(self.checks["image front: versions of the binaries"]["state"], "not checked")

    def test_versions_inside(self):
        path = fixtures.program(self.folder / "older", "codexctl", "1.2.2")
        self.front.replace("usr/local/bin/codexctl", path.read_bytes())
        self.assert_front("versions of the binaries", "said 'codexctl 1.2.2', not 'codexctl 1.2.3'")

    def test_another_codex(self):
        path = fixtures.program(self.folder / "newer", "codex-cli", "0.9.9")
        self.worker.replace("opt/codex/bin/codex", path.read_bytes())
        self.assert_worker("codex is the pinned one", "said 'codex-cli 0.9.9', not 'codex-cli 0.9.8'")
        self.worker.remove("opt/codex/bin/codex")
        self.assert_worker("codex is the pinned one", "/opt/codex/bin/codex is not in the image")

    def test_lists_of_parts(self):
        self.parts(self.front, crate("near", "1.0.6"))
        self.assert_front(
            PARTS, "it does not name near 1.0.7", "it does not name far 1.0.7", "it names near 1.0.6, which Cargo.lock has not"
        )
        self.parts(self.front, crate("near"))
        self.assert_front(PARTS, "it does not name far 1.0.7")
        self.front.replace("usr/share/sbom/gateway.cdx.json", '{"spdxVersion": "SPDX-2.3"}', 0o644)
        self.assert_front(PARTS, "is no CycloneDX")
        self.front.remove("usr/share/sbom/gateway.cdx.json")
        self.assert_front(PARTS, "no /usr/share/sbom/*.cdx.json")

    def test_a_list_of_parts_without_codex(self):
        self.worker.remove("usr/share/sbom/codex.cdx.json")
        self.assert_worker(PARTS, f"it does not name @openai/codex {fixtures.CODEX}")

    def test_without_cargo_the_direct_ones_must_be_named(self):
        self.tool("cargo", "#!/bin/sh\nexit 101\n")
        self.parts(self.front, crate("near"))
        self.look()
        self.assert_good()
        self.assertIn("1 crates (the direct ones; cargo", self.checks["image front: list of parts (SBOM)"]["seen"])
        self.parts(self.front, crate("far"))
        self.assert_front(PARTS, "it does not name near 1.0.7")

    def test_layers_that_are_compressed_or_links_to_each_other_are_read(self):
        # As engines write them: the same layer twice is a link in the archive.
        self.front.layer()
        self.docker.add("front", self.front)
        saved, mended = self.docker.folder / "front.tar", self.folder / "mended.tar"
        with tarfile.open(saved) as before, tarfile.open(mended, "w") as after:
            for member in before:
                content = before.extractfile(member).read()
                if member.name == "0/layer.tar":
                    content = gzip.compress(content)
                elif member.name == "1/layer.tar":
                    member.type, member.linkname, content = tarfile.SYMTYPE, "../0/layer.tar", b""
                member.size = len(content)
                after.addfile(member, io.BytesIO(content))
        shutil.move(mended, saved)
        self.release("--front-image", "front")
        self.assert_good()
        self.assertEqual(self.checks["image front: no secret in files"]["seen"], "2 layers")

    def test_nothing_is_left_in_the_folder_for_temporary_files(self):
        place = self.folder / "temporary"
        place.mkdir()
        self.environment["TMPDIR"] = str(place)
        self.look()
        self.assert_good()
        self.assertEqual(list(place.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
