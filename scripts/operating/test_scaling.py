"""The calculation, its tables in the document, and the command line."""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import unittest

from .cli import ROOT
from .scaling import measure, measure_keys, model, report

DOCUMENT = ROOT / "docs/scaling.md"


def plain():
    """Costs that can be reckoned in the head: 2 ms, 1 kB and a file for each stream in each program."""
    unit = {"base_bytes": 1000, "stream_bytes": 1000, "stream_files": 1.0, "base_files": 10, "turn_ms": 1.0, "delta_ms": 0.01}
    return {
        "front": dict(unit),
        "daemon": dict(unit),
        "codex": dict(unit),
        "wire": {"http_delta_bytes": 200, "socket_delta_bytes": 300, "log_request_bytes": 1000, "connection_bytes": 500},
        "limits": {"places": 100, "waiting": 400, "streams": 1000, "connections": 4000, "files": 10_010, "pod": 50},
        "bursts": {"codex_turn_ms": 0.5, "part_of_delta": 0.1},
        "host": {"cores": 4, "memory_bytes": 10_000_000, "network_bytes_s": 1_000_000, "used": 0.5},
        "load": {"seconds": 10.0, "deltas": 100, "request_bytes": 7000, "prompt_tokens": 900},
    }


class Growth(unittest.TestCase):
    def test_a_plan_is_the_sum_of_its_streams(self):
        plan = model.plan(plain(), 2000)
        self.assertEqual((plan.workers, plan.fronts, plan.pods), (20, 2, 40))
        self.assertEqual(plan.turns_s, 200)
        self.assertAlmostEqual(plan.all_cores, 3 * 200 * 2 / 1000)
        self.assertEqual(plan.memory_bytes, 42 * 1000 + 3 * 2000 * 1000)
        self.assertEqual(plan.files_of_a_front, 10 + 1000)
        self.assertEqual((plan.to_clients_bytes_s, plan.from_clients_bytes_s), (200 * 100 * 200, 200 * 7000))
        self.assertEqual((plan.socket_bytes_s, plan.kernel_bytes), (200 * (100 * 300 + 7000), 2000 * 500))
        self.assertEqual(plan.tokens_minute, 200 * 60 * 1000)

    def test_what_is_needed_most_decides_how_many_hosts(self):
        given = plain()
        # 4 MB/s of answers go out, and 1.4 MB/s of requests; a host has 0.5 MB/s for it.
        self.assertEqual((model.plan(given, 2000).first, model.plan(given, 2000).hosts), ("network", 11))
        given["wire"]["http_delta_bytes"] = given["load"]["request_bytes"] = 0
        self.assertEqual((model.plan(given, 2000).first, model.plan(given, 2000).hosts), ("memory", 2))
        given["codex"]["turn_ms"] = 100.0
        self.assertEqual((model.plan(given, 2000).first, model.plan(given, 2000).hosts), ("processor time", 11))

    def test_in_bursts_deltas_cost_a_part(self):
        plan = model.plan(model.bursts(plain()), 2000)
        self.assertAlmostEqual(plan.all_cores, 200 * (1.1 + 1.1 + 0.6) / 1000)

    def test_the_lowest_bound_is_first(self):
        found = model.bounds(plain())
        self.assertEqual([streams for _, streams in found], sorted(streams for _, streams in found))
        self.assertEqual(found[0], ("places for turns (`WORKER_MAX_CONCURRENCY`)", 100))
        by_words = dict(found)
        self.assertEqual(by_words["open files of a front (`LimitNOFILE=`)"], 10_000)
        self.assertAlmostEqual(by_words["memory of the host"], (5_000_000 - 3000) / 3000)
        self.assertAlmostEqual(by_words["processor time of the host"], 2 * 10_000 / 6)
        self.assertAlmostEqual(by_words["processor time of the daemon, which has one thread"], 0.5 * 10_000 / 2)

    def test_numbers_have_three_digits(self):
        shown = [report.number(value) for value in (0.123, 12.34, 123.4, 1234, 99_999, 1_234_567)]
        self.assertEqual(shown, ["0.12", "12.3", "123", "1,230", "100,000", "1,230,000"])
        self.assertEqual([report.size(value) for value in (999, 1500, 2.5e9, 3e15)], ["999 B", "1.50 kB", "2.50 GB", "3,000 TB"])


class Document(unittest.TestCase):
    """`UPDATE_DOCS=1 PYTHONPATH=scripts python3 -B -m unittest operating.test_scaling` writes the tables, that of balance in minutes."""

    def test_its_tables_are_what_the_program_prints(self):
        text = DOCUMENT.read_text()
        wanted, parts, update = text, report.parts(model.units()), os.environ.get("UPDATE_DOCS") == "1"
        if update:
            parts["balance"] = report.balances()
        for name, table in parts.items():
            begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
            self.assertEqual((text.count(begin), text.count(end)), (1, 1), name)
            head, rest = wanted.split(begin)
            wanted = head + begin + table + end + rest.split(end)[1]
        if update:
            DOCUMENT.write_text(wanted)
        else:
            self.assertEqual(text, wanted, "run it with UPDATE_DOCS=1")

    def test_defaults_are_those_of_the_settings(self):
        limits, text = model.units()["limits"], (ROOT / "docs/configuration.md").read_text()
        names = {
            "places": "WORKER_MAX_CONCURRENCY",
            "waiting": "WORKER_QUEUE_MAX",
            "streams": "PROXY_MAX_STREAMS",
            "connections": "PROXY_MAX_CONNECTIONS",
        }
        for member, setting in names.items():
            row = next(line for line in text.splitlines() if line.startswith(f"| `{setting}` "))
            self.assertIn(f"| `{limits[member]}` |", row)
        for unit in ("front", "worker"):
            self.assertIn(f"LimitNOFILE={limits['files']}\n", (ROOT / f"systemd/codex-{unit}.service").read_text())
        self.assertEqual(report.PLACES, limits["places"])
        scaler = (ROOT / "compose/kubernetes/autoscaling/horizontalpodautoscaler.yaml").read_text()
        self.assertIn(f'averageValue: "{limits["pod"]}"', scaler)

    def test_units_are_told_with_their_sources(self):
        text = DOCUMENT.read_text()
        for name in model.PROGRAMS:
            unit = model.units()[name]
            row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
            memory = f"{unit['base_bytes'] / 1e6:g} MB | {unit['stream_bytes'] / 1e3:g} kB"
            files = f"{unit['base_files']:g}, {unit['stream_files']:g}"
            self.assertEqual(row, f"| {name} | {memory} | {files} | {unit['turn_ms']:g} ms | {unit['delta_ms']:g} ms |")


class CommandLine(unittest.TestCase):
    def run_it(self, *words):
        command = [sys.executable, "-B", ROOT / "scripts/scaling", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_it_prints_other_numbers_for_other_loads(self):
        code, said = self.run_it("growth", "--streams", "128,129")
        self.assertEqual(code, 0)
        self.assertIn("| open streams | 128 | 129 |", said)
        self.assertIn("| workers, by their places | 1 | 2 |", said)
        code, said = self.run_it("growth", "--streams", "128", "--set", "limits.places=64", "--set", "load.seconds=64")
        self.assertEqual(code, 0)
        self.assertIn("| workers, by their places | 2 |", said)
        self.assertIn("| streams a second | 2.00 |", said)

    def test_the_commands_of_the_document_run(self):
        blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
        self.assertEqual(len(blocks), 1)
        words = ["bash", "-euo", "pipefail", "-c", blocks[0]]
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("| open streams | 500 | 5,000 |", done.stdout)

    def test_what_is_wrong_is_told(self):
        for words in (
            ["growth", "--set", "load.hours=1"],
            ["growth", "--set", "load.seconds=-1"],
            ["growth", "--set", "limits.places=0"],
            ["growth", "--set", "host.used=nan"],
            ["growth", "--set", "load"],
            ["growth", "--streams", "0"],
            ["growth", "--units", "/nonexistent"],
            ["growth", "--units", DOCUMENT],
            ["growth", "--units", ROOT / "Cargo.toml"],
            ["balance", "--loads", "1"],
            ["grow"],
        ):
            with self.subTest(words=words):
                code, said = self.run_it(*words)
                self.assertEqual(code, 2, said)
                self.assertNotIn("Traceback", said)


class Measuring(unittest.TestCase):
    """What can be said of it without the pair."""

    def test_a_process_is_looked_at(self):
        before = measure.looked(os.getpid())
        with open(os.devnull) as _:
            during = measure.looked(os.getpid())
        self.assertGreater(before["bytes"], 1_000_000)
        self.assertEqual(during["files"], before["files"] + 1)
        self.assertGreaterEqual(during["seconds"], before["seconds"])

    def test_keys_are_as_the_front_reads_them(self):
        text, last = measure_keys.file_of(3)
        keys = tomllib.loads(text)["keys"]
        self.assertEqual([key["name"] for key in keys], ["k0", "k1", "k2"])
        self.assertEqual(keys[2]["hash"], f"sha256:{hashlib.sha256(last.encode()).hexdigest()}")


if __name__ == "__main__":
    unittest.main()
