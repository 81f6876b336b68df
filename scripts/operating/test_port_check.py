"""`scripts/port-check` as it is run, on the repository's compose file and on what becomes of it with a fault."""

import compileall
import concurrent.futures
import json
import os
import shutil
import stat
import unittest
from pathlib import Path

from operating.checks.faults import FAULTS
from operating.checks.faults.making import KEY
from operating.checks.faults.tree import COMPOSE, DOMAIN, PLAIN, Tree, findings, line_of
from operating.cli import ROOT


class OfTheRepository(unittest.TestCase):
    def test_the_file_is_good_and_the_artifacts_tell_so(self):
        tree = Tree(self)
        for beside in (ROOT / "compose").glob(Path(Development.FILE).name):
            shutil.copy2(beside, tree.root / Development.FILE)
        run = tree.run("--no-sync", "--no-engine")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertRegex(run.stdout, r"all \d+ checks are good")
        (artifacts,) = tree.results()
        self.assertEqual(set(artifacts), {"docker-compose.config.yaml", "labels.txt", "next.md", "summary.json"})
        self.assertIn(f"Host(`{DOMAIN}`) && PathPrefix(`/v1/`)", artifacts["docker-compose.config.yaml"])
        labels = artifacts["labels.txt"].splitlines()
        self.assertEqual([line for line in labels if not line.startswith("ok ")], [])
        for router in ("codex-api", "codex-preflight", "codex-models", "codex-health"):
            self.assertTrue(any(f"there is a router {router}" in line for line in labels), router)
        self.assertIn("docker-compose --file compose/docker-compose.yml up -d --build --force-recreate", artifacts["next.md"])
        summary = json.loads(artifacts["summary.json"])
        self.assertEqual((summary["failed"], summary["file"]), (0, COMPOSE))
        self.assertGreater(len(summary["checks"]), 100)

    def test_artifacts_are_their_owners_alone(self):
        tree = Tree(self)
        folder = tree.root / "seen"
        self.assertEqual(tree.run("--no-engine", "--out", folder).returncode, 0)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
        self.assertEqual(modes.pop("seen"), 0o700)
        self.assertEqual(set(modes.values()), {0o600})
        self.assertEqual(len(modes), 4)

    def test_the_rendered_file_is_one_that_compose_reads(self):
        tree = Tree(self)
        tree.run("--no-sync", "--no-engine", "--out", tree.root / "seen")
        again = tree.run("--no-sync", "--no-engine", "--file", tree.root / "seen/docker-compose.config.yaml")
        self.assertIn(again.returncode, (0, 1), again.stderr)

    def test_no_domain_has_a_placeholder(self):
        tree = Tree(self)
        run = tree.run("--no-sync", "--no-engine", DOMAIN=None)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("DOMAIN is not set: gateway.example.com stands in its place", run.stdout)
        self.assertIn("Set `DOMAIN`", tree.results()[0]["next.md"])

    def test_the_variables_of_the_deployment_are_those_that_are_judged(self):
        tree = Tree(self)
        (tree.root / ".env").write_text("DOMAIN=of.file.example.com\nCODEX_UID=0\n")
        run = tree.run("--no-sync", "--no-engine", DOMAIN=None)
        self.assertEqual(run.returncode, 1)
        self.assertIn("worker runs as `0:10000`", run.stdout)
        self.assertIn("of.file.example.com", tree.results()[0]["docker-compose.config.yaml"])
        other = tree.root / "other.env"
        other.write_text("DOMAIN=other.example.com\n")
        run = tree.run("--no-sync", "--no-engine", "--env-file", other, DOMAIN=None)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn(f"--env-file other.env --file {COMPOSE} up -d", tree.results()[-1]["next.md"])

    def test_the_user_of_the_image_counts(self):
        tree = Tree(self)
        tree.change("USER 10002:10000", "USER root", "compose/Dockerfile")
        run = tree.run("--no-sync", "--no-engine")
        self.assertEqual(run.returncode, 1)
        self.assertIn("front runs as `root`", run.stdout)

    def test_the_default_file_of_settings_may_be_named_and_missing(self):
        tree = Tree(self)
        self.assertEqual(tree.run("--no-sync", "--no-engine", "--env-file", tree.root / ".env").returncode, 0)

    def test_variables_of_the_image_count(self):
        tree = Tree(self)
        tree.change("CODEX_HOME=/var/lib/codex", "CODEX_HOME=/elsewhere", "compose/Dockerfile")
        run = tree.run("--no-sync", "--no-engine")
        self.assertEqual(run.returncode, 1)
        self.assertIn("nothing is mounted at CODEX_HOME (/elsewhere)", run.stdout)


class Development(unittest.TestCase):
    """The dev stack beside the file is as production, or that is told at its own line."""

    FILE = "compose/compose.dev.stack.yml"
    HEAD = """name: codex-gateway-dev
services:
  worker:
    extends: {file: docker-compose.yml, service: worker}
  front:
    extends: {file: docker-compose.yml, service: front}
    environment:
      PROXY_API_KEY: ${DEV_KEY:?the key of the dev stack}
"""

    def setUp(self):
        self.tree = Tree(self)
        text = (self.tree.root / COMPOSE).read_text()
        labels, rest = text[text.index("    labels:\n") :].split("\nnetworks:\n")
        for old, new in (
            ("labels:", "labels: !override\n      codex.stack: dev"),
            ("codex-", "codex-dev-"),
            ("codex\n", "codex-dev\n"),
            (".codex.", ".codex-dev."),
            (":18080/", ":18081/"),
            ("${TRAEFIK_ENTRYPOINT:-websecure}", "codexdev"),
            ("${DOMAIN}", "${DEV_DOMAIN:-codex-dev.localhost}"),
            ("${DOMAIN:?the name that clients call, such as api.example.com}", "${DEV_DOMAIN:-codex-dev.localhost}"),
        ):
            self.assertIn(old, labels)
            labels = labels.replace(old, new)
        (self.tree.root / self.FILE).write_text(f"{self.HEAD}{labels}\nnetworks:\n{rest}")

    def run_it(self, code):
        run = self.tree.run("--no-sync", "--no-engine")
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run

    def line(self, beginning):
        return line_of((self.tree.root / self.FILE).read_text(), beginning)

    def test_the_same_is_good(self):
        self.run_it(0)
        self.assertIn(f"ok      {self.FILE}:", self.tree.results()[0]["labels.txt"])

    def test_what_differs_is_told_at_its_line(self):
        head = "      traefik.http."
        for old, new, place, told in (
            ("&& Method(`OPTIONS`)", "&& Method(`POST`)", f"{head}routers.codex-dev-preflight.rule", "Method(`POST`)"),
            ("api.entrypoints: codexdev", "api.entrypoints: websecure", f"{head}routers.codex-dev-api.entrypoints", "`websecure`"),
            (":18081/verify", ":18080/verify", f"{head}middlewares.codex-dev-auth.forwardauth.address", "18080/verify`, but"),
            (f"{head}routers.codex-dev-health.service: codex-dev\n", "", "    labels:", "codex-health.service is missing"),
            (
                "      codex.stack: dev\n",
                f"{head}routers.codex-dev-x.rule: Path(`/`)\n",
                f"{head}routers.codex-dev-x",
                "no counterpart",
            ),
        ):
            with self.subTest(told):
                before = (self.tree.root / self.FILE).read_text()
                self.tree.change(old, new, self.FILE)
                run = self.run_it(1)
                self.assertEqual(list(findings(run, self.FILE)), [self.line(place)], run.stdout)
                self.assertEqual(findings(run), {})
                self.assertIn(told, run.stdout)
                (self.tree.root / self.FILE).write_text(before)

    def test_one_that_compose_refuses_is_a_finding(self):
        self.tree.change("  worker:\n", "  worker:\n    imagine: x\n", self.FILE)
        run = self.run_it(1)
        self.assertIn(f"{self.FILE}:{self.line('    imagine')}: Compose refuses it", run.stdout)
        self.assertEqual(len(self.tree.results()), 1)


class Faults(unittest.TestCase):
    """Each fault is found, at its line, and nothing else is."""

    @classmethod
    def setUpClass(cls):
        cls.tree = Tree(cls)
        # Compiled once: the script itself writes no `__pycache__`.
        compileall.compile_dir(cls.tree.root / "scripts", quiet=2)
        cls.text = (cls.tree.root / COMPOSE).read_text()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            cls.runs = dict(zip(FAULTS, pool.map(cls.made, enumerate(FAULTS.values())), strict=True))

    @classmethod
    def made(cls, numbered):
        number, fault = numbered
        text = fault.change(cls.text)
        file = f"compose/{number}.yml"
        (cls.tree.root / file).write_text(text)
        out = cls.tree.root / f"out/{number}"
        run = cls.tree.run(
            "--no-sync",
            "--no-engine",
            "--file",
            cls.tree.root / file,
            "--out",
            out,
            PROXY_API_KEY=PLAIN,
            **dict(fault.variables),
        )
        return text, file, run, {path.name: path.read_text() for path in out.glob("*")}

    def test_each_is_found_at_its_line(self):
        self.assertGreaterEqual(len(FAULTS), 25)
        for name, fault in FAULTS.items():
            with self.subTest(name):
                text, file, run, _ = self.runs[name]
                self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
                found = findings(run, file)
                self.assertEqual(set(found), {line_of(text, place) for place in fault.at}, run.stdout)
                self.assertIn(fault.told, "\n".join(words for told in found.values() for words in told))

    def test_what_is_told_is_kept(self):
        for name, (_, file, run, artifacts) in self.runs.items():
            with self.subTest(name):
                found = [f"{file}:{line}: {words}" for line, told in findings(run, file).items() for words in told]
                summary = json.loads(artifacts["summary.json"])
                kept = [check["problem"] for check in summary["checks"] if check["problem"]]
                self.assertCountEqual(kept, found)
                self.assertEqual(summary["failed"], len(found))
                self.assertTrue(all(problem in artifacts["next.md"] for problem in found))
                self.assertNotIn("up -d", artifacts["next.md"])
                wrong = [line for line in artifacts["labels.txt"].splitlines() if line.startswith("FAILED")]
                self.assertEqual(bool(wrong), name.startswith(("routers:", "middlewares:")), wrong)

    def test_no_secret_is_told_or_kept(self):
        secrets = (KEY, PLAIN, "hunter2", "Basic%20abcdefgh")
        for name, (_, _, run, artifacts) in self.runs.items():
            with self.subTest(name):
                for text in (run.stdout, run.stderr, *artifacts.values()):
                    for secret in secrets:
                        self.assertNotIn(secret, text)
                self.assertEqual(len(artifacts), 4)

    def test_many_are_told_at_once(self):
        tree = Tree(self)
        tree.change('"127.0.0.1:11435:11435"', '"11435:11435"')
        tree.change("forwardauth.address: http://127.0.0.1:18080/verify", "forwardauth.address: http://front:18080/verify")
        tree.change("read_only: true", "read_only: false")
        run = tree.run("--no-sync", "--no-engine")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(len(findings(run)), 3)
        self.assertRegex(run.stdout, r"\n4 of \d+ checks failed\n")


if __name__ == "__main__":
    unittest.main()
