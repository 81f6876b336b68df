"""`scripts/port-check` where it can't go on, where nothing is to be done, and with what it asks besides the file."""

import http.server
import threading
import unittest

from operating.checks.faults.making import KEY
from operating.checks.faults.tree import COMPOSE, PLAIN, Tree


class Refusals(unittest.TestCase):
    def refused(self, code, *arguments, tree=None, **more):
        tree = tree or Tree(self)
        run = tree.run("--no-sync", "--no-engine", *arguments, **more)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        self.assertEqual(tree.results(), [])
        self.assertNotIn("Traceback", run.stderr)
        return run.stderr

    def test_no_yaml(self):
        for old, new, line, told in (
            ("    ports:\n", "    ports: [1:\n", None, "no YAML"),
            ("  worker:\n", "  worker: {\n", None, "no YAML"),
            ("name: codex-gateway\n", "name: codex-gateway\n\tx: y\n", 4, "no YAML"),
        ):
            with self.subTest(new):
                tree = Tree(self)
                tree.change(old, new)
                words = self.refused(2, tree=tree)
                self.assertRegex(words, rf"{COMPOSE}:{line or '[0-9]+'}: {told}")

    def test_no_compose_file(self):
        tree = Tree(self)
        for text in ("", "- a\n", "words\n"):
            (tree.root / COMPOSE).write_text(text)
            self.assertIn(f"{COMPOSE}:1: no compose file", self.refused(2, tree=tree))
        (tree.root / COMPOSE).write_bytes(b"services:\n  worker:\n    image: \xff\n")
        self.assertIn(f"{COMPOSE}:3: no YAML: it is not UTF-8", self.refused(2, tree=tree))

    def test_what_compose_refuses_is_told_in_its_words_with_the_line(self):
        for old, new, words in (
            ("    tmpfs:", "    tmpfz:", "tmpfz"),
            ("networks: [upstream]", "networks: [nowhere]", "undefined network nowhere"),
            ("stop_grace_period: 30s", "stop_grace_period: 30 potatoes", 'unknown unit " potatoes"'),
            ("${PROXY_PROFILE:-}", "${PROXY_PROFILE", "invalid interpolation format"),
            ("  LOG_FORMAT: ${LOG_FORMAT:-}\n", 2 * "  LOG_FORMAT: ${LOG_FORMAT:-}\n", "already defined"),
        ):
            with self.subTest(new):
                tree = Tree(self)
                text = (tree.root / COMPOSE).read_text()
                tree.change(old, new)
                line = text[: text.index(old)].count("\n") + 1
                # Of a service that is named alone, the service's; of what stands twice, the second.
                line = {"networks: [nowhere]": text[: text.index("\n  worker:")].count("\n") + 2}.get(new, line)
                line += new.count("\n  LOG") + new.startswith("  LOG")
                line -= new.count("\n  LOG")
                told = self.refused(2, tree=tree)
                self.assertIn(f"{COMPOSE}:{line}: Compose refuses it: ", told)
                self.assertIn(words, told)

    def test_a_broken_file_of_settings_shows_no_key(self):
        for text in (f'PROXY_API_KEY="{PLAIN}\n', f"PROXY_API_KEY {PLAIN}\n", f"PROXY_API_KEY={PLAIN}\nA B\n"):
            with self.subTest(text):
                tree = Tree(self)
                (tree.root / ".env").write_text(text)
                self.assertNotIn(PLAIN, self.refused(2, tree=tree))

    def test_a_variable_in_a_refusal_is_not_shown(self):
        tree = Tree(self)
        tree.change("stop_grace_period: 30s", "stop_grace_period: ${PROXY_API_KEY}")
        words = self.refused(2, tree=tree, PROXY_API_KEY=PLAIN)
        self.assertNotIn(PLAIN, words)
        self.assertIn("(secret)", words)

    def test_missing_files(self):
        self.assertIn("there is no file", self.refused(3, "--file", "/nowhere/compose.yml"))
        self.assertIn("there is no file", self.refused(3, "--env-file", "/nowhere/.env"))

    def test_compose_is_missing(self):
        tree = Tree(self)
        tree.path = lambda: str(tree.root / "bin")
        self.assertIn("there is no Docker Compose", self.refused(3, tree=tree))

    def test_pyyaml_is_missing(self):
        # Without the folders of packages there is none.
        self.assertIn("apt-get install python3-yaml", self.refused(3, python=("-S",)))

    def test_wrong_options(self):
        for options in (("--fiel", "x"), ("--health", "https://127.0.0.1/healthz"), ("words",)):
            with self.subTest(options):
                self.assertIn("usage:", self.refused(2, *options))


class DryRun(unittest.TestCase):
    def test_nothing_is_run_or_written(self):
        tree = Tree(self)
        marker = tree.root / "ran"
        tree.program("port-sync-config", f"touch {marker}", "scripts")
        tree.program("docker", f'[ "$1" = compose ] || touch {marker}; exit 1')
        before = sorted(tree.root.rglob("*"))
        run = tree.run("--dry-run")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertFalse(marker.exists())
        self.assertEqual(sorted(tree.root.rglob("*")), before)
        for words in ("would render: docker-compose", "would hold (routers)", "docker network inspect traefik", "labels.txt"):
            self.assertIn(words, run.stdout)

    def test_help_tells_the_exit_codes(self):
        run = Tree(self).run("--help")
        self.assertEqual(run.returncode, 0)
        self.assertIn("exit codes: 0 all is as it should be", run.stdout)


class Sync(unittest.TestCase):
    def test_its_words_are_told(self):
        tree = Tree(self)
        tree.program("port-sync-config", 'echo "would copy config.toml"; echo "$@" > "$(dirname "$0")/asked"', "scripts")
        run = tree.run("--no-engine")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("port-sync-config: would copy config.toml", run.stdout)
        asked = (tree.root / "scripts/asked").read_text().split()
        self.assertEqual(asked, ["--dry-run", "--to", str(tree.root / ".codex-api")])

    def test_what_stands_in_its_way_is_a_finding(self):
        for code in (1, 2, 3):
            with self.subTest(code):
                tree = Tree(self)
                tree.program("port-sync-config", f'echo "config.toml differs {KEY}" >&2; exit {code}', "scripts")
                run = tree.run("--no-engine")
                self.assertEqual(run.returncode, 1)
                self.assertIn(f"ended with {code}: config.toml differs (secret)", run.stdout)
                self.assertNotIn(KEY, run.stdout + "".join(tree.results()[0].values()))

    def test_it_can_be_left_out(self):
        tree = Tree(self)
        tree.program("port-sync-config", "exit 1", "scripts")
        self.assertEqual(tree.run("--no-engine", "--no-sync").returncode, 0)

    def test_where_it_is_missing_that_is_told(self):
        tree = Tree(self)
        run = tree.run("--no-engine")
        self.assertEqual(run.returncode, 0)
        self.assertIn(
            "not checked: the state's configuration can be copied (scripts/port-sync-config is not there)", run.stdout
        )


class Front:
    """What listens where the front would: answers every request with a status and a body."""

    def __init__(self, test, status, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.asked = asked = []
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for ended in (server.server_close, thread.join, server.shutdown):
            test.addCleanup(ended)
        self.url = f"http://127.0.0.1:{server.server_port}/healthz"


class Engine(unittest.TestCase):
    def docker(self, network="echo traefik", running="echo 0123456789ab"):
        """A stand-in for docker whose engine has this network and these containers."""
        tree = Tree(self)
        tree.program(
            "docker",
            f"""case "$1 $2" in
              "version --format") echo 28.2.2;;
              "network inspect") [ "$3" = traefik ] || exit 9; {network};;
              "ps --quiet")
                case "$*" in *project=codex-gateway*service=front*) {running};; *) exit 9;; esac;;
              *) exit 1;;
            esac""",
        )
        return tree

    def test_all_is_well(self):
        front = Front(self, 200, b'{"status":"ok","worker_state":"ready"}')
        run = self.docker().run("--no-sync", "--health", front.url)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(front.asked, ["/healthz"])
        self.assertNotIn("not checked", run.stdout)

    def test_no_engine(self):
        run = Tree(self).run("--no-sync")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        told = "(no engine answers: Cannot connect to the Docker daemon)"
        self.assertIn(f"not checked: the network traefik exists {told}", run.stdout)
        self.assertIn(f"not checked: the front is well {told}", run.stdout)

    def test_no_network(self):
        for network in ('echo "Error: No such network: traefik" >&2; exit 1', "echo traefikd"):
            with self.subTest(network):
                run = self.docker(network=network, running=":").run("--no-sync")
                self.assertEqual(run.returncode, 1)
                self.assertIn("docker network create traefik", run.stdout)

    def test_the_front_is_not_up(self):
        front = Front(self, 500, b"")
        run = self.docker(running=":").run("--no-sync", "--health", front.url)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("not checked: the front is well (its container is not up)", run.stdout)
        self.assertEqual(front.asked, [])

    def test_bad_answers(self):
        for status, body, told in (
            (503, b'{"status":"down","worker_state":"backoff"}', "answers 503, status 'down', worker 'backoff'"),
            (200, b'{"status":"degraded"}', "answers 200, status 'degraded'"),
            (200, b"<html>", "something that is not the front's"),
            (200, b"[]", "something that is not the front's"),
            (404, b"{}", "answers 404 with something"),
            (200, b"[" * 100_000, "something that is not the front's"),
        ):
            with self.subTest(told):
                front = Front(self, status, body)
                run = self.docker().run("--no-sync", "--health", front.url)
                # What mends it must be deployable.
                self.assertEqual(run.returncode, 0, run.stdout)
                self.assertIn("note: ", run.stdout)
                self.assertIn(told, run.stdout)

    def test_nobody_listens(self):
        front = Front(self, 200, b"")
        self.doCleanups()
        run = self.docker().run("--no-sync", "--health", front.url)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("note: the front's container is up, but", run.stdout)


if __name__ == "__main__":
    unittest.main()
