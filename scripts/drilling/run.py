"""The command: starts what is needed, makes the incidents, waits for each alert and its end, and tells."""

import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from .durations import compressed, milliseconds
from .incidents import DAYS, INCIDENTS, NOT_MADE
from .pair import Given, Own, Traffic
from .processes import Failure, Process, interrupted, until
from .prometheus import SOURCE
from .rows import Row, table
from .watches import FACTOR, Watches, watch

ROOT = Path(__file__).resolve().parents[2]
FIRED, FAILED, USAGE, MISSING = 0, 1, 2, 3
#: Seconds until an alert must fire, and must be over; the windows of a day and more take longer.
FIRE_LIMIT, END_LIMIT, LONG_END_LIMIT = 180, 60, 180
POLL = 0.1
NO_TARGETS = "no-targets"

HELP = """Makes incidents on a real pair and waits until each alert fires in a real Prometheus, and is over again.

The rules are those of compose/prometheus, every duration in them divided by --factor; thresholds are unchanged. Without
--public it starts pairs of its own with the scripted upstream. With --public, --internal and DRILL_KEY it uses the pair that
is there, and makes what can be made from where it stands; it CLOSES that pair for a while: never give it one that is in use.

exit codes: 0 every alert fired and ended; 1 one did not, or the drill could not go on; 2 a wrong option; 3 a program is
missing (prometheus, promtool, codex, or binaries that are not built)
"""


class Programs:
    def __init__(self, options):
        folder = Path(options.bin_dir or os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        folder = folder if options.bin_dir else folder / "debug"
        self.daemon, self.front = folder / "worker-daemon", folder / "http-front"
        self.upstream = folder / "scripted-upstream"
        vendor = ROOT / "target/tools/codex/node_modules/@openai"
        fetched = sorted(vendor.glob("codex-linux-*/vendor/*/bin/codex"))
        named = options.codex or os.environ.get("CODEX_BIN_REAL")
        self.codex = Path(named) if named else (fetched[0] if fetched else None)

    def missing(self, own):
        found = [name for name in ("prometheus", "promtool") if not shutil.which(name)]
        if own:
            found += [str(path) for path in (self.daemon, self.front, self.upstream) if not path.is_file()]
            if self.codex is None or not self.codex.is_file():
                found.append("codex (`cargo xtask fetch-codex`, or --codex)")
        return found


class Drill:
    def __init__(self, options, out):
        self.options, self.out, self.factor = options, out, options.factor
        self.programs = Programs(options)
        self.watches = Watches(out, self.factor)
        self.prometheus = self.watches.all["usual"]
        self.alerts = {}
        self.pairs, self.rows, self.upstream = {}, [], None
        self.lock = threading.Lock()

    # What runs

    def start(self):
        if self.options.public:
            given = Given(self.options.public, self.options.internal, os.environ["DRILL_KEY"], self.options.daemon_pid)
            self.pairs = dict.fromkeys(("main", "small", "aside", "closed"), given)
        else:
            self.start_own()
        targets = sorted({pair.target() for pair in self.pairs.values()})
        self.targets = targets
        # The usual one is that of `no-targets`, too.
        names = {"usual"} | {watch(alert) for incident in self.chosen() for alert in incident.alerts}
        self.watches.start(sorted(names), targets, self.pairs["main"].target())
        for prometheus in self.watches.running.values():
            self.check_rules(prometheus)

    def start_own(self):
        log = self.out / "scripted-upstream.log"
        command = [self.programs.upstream, "--addr", "127.0.0.1:0", "--no-record"]
        self.upstream = Process("scripted-upstream", command, {}, log)
        said = "scripted upstream listening on "
        look = lambda: [line for line in self.upstream.lines() if line.startswith(said)]  # noqa: E731
        address = until(10, "the upstream's address", look, self.upstream)[0].removeprefix(said)
        # The pair's own waits are compressed, too, where an alert depends on them.
        quick = {"WORKER_BACKOFF_INITIAL_MS": 250, "WORKER_BACKOFF_MAX_MS": 1000, "WORKER_BACKOFF_RESET_MS": 5000}
        front = {
            "TOKEN_LOG_PATH": "/dev/full",
            "PROXY_TRACE_BUFFER_ENABLED": "true",
            "PROXY_IDLE_TIMEOUT_MS": 1500,
            "PROXY_STREAM_IDLE_TIMEOUT_MS": 1500,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_BSP_SCHEDULE_DELAY": 200,
        }
        parts = {
            "main": {},
            "small": {"daemon": {"WORKER_MAX_CONCURRENCY": 4, "WORKER_QUEUE_MAX": 32}},
            "aside": {"daemon": quick, "front": front, "wrap": stand_in(self.out), "key_in_file": True},
            "closed": {},
        }
        with concurrent.futures.ThreadPoolExecutor() as pool:
            wanted = {name for name in parts if any(i.pair == name for i in self.chosen())} | {"main"}
            started = {
                name: pool.submit(Own, name, self.out / name, self.programs, address, **part)
                for name, part in parts.items()
                if name in wanted
            }
            problems = []
            for name, future in started.items():
                try:
                    self.pairs[name] = future.result()
                except Failure as failure:
                    problems.append(str(failure))
        if problems:
            raise Failure("\n".join(problems))

    def stop(self):
        for pair in {id(pair): pair for pair in self.pairs.values()}.values():
            pair.stop()
        self.watches.stop()
        if self.upstream:
            self.upstream.stop()

    def check_rules(self, prometheus):
        """Prometheus must have understood each `for` as the original divided by the factor."""
        rules = {rule["name"]: rule for rule in prometheus.rules() if rule["type"] == "alerting"}
        for name, wait in waits().items():
            wanted = milliseconds(compressed(wait, prometheus.factor)) / 1000 if wait else 0
            if name not in rules or abs(rules[name]["duration"] - wanted) > 0.001:
                raise Failure(f"Prometheus has another `for` of {name} than {wanted} s")

    # What is made

    def chosen(self):
        only = set(self.options.only)
        chosen = []
        for incident in INCIDENTS:
            if only and incident.name not in only and not only & set(incident.alerts):
                continue
            if self.why_not(incident) is None:
                chosen.append(incident)
        return chosen

    def why_not(self, incident):
        if self.options.public:
            able = {"http"} | ({"pid"} if self.options.daemon_pid else set())
            able |= {"scripted"} if self.options.scripted else set()
            return None if incident.needs in able else f"needs a pair of the drill's own ({incident.needs})"
        if incident.needs == "stand-in" and stand_in(self.out) is None:
            return "needs root and unshare, to put a stand-in in the place of the control group's limit"
        return None

    def run(self):
        chosen = self.chosen()
        over = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(over,), daemon=True)
        watcher.start()
        try:
            # Without requests there is no rate of failures.
            with Traffic(self.pairs["main"].ask_as_usual, threads=1, pause=0.1):
                # One given pair can't be closed and asked at the same time.
                beside = [] if self.options.public else [incident for incident in chosen if incident.background]
                with concurrent.futures.ThreadPoolExecutor() as pool:
                    waiting = [pool.submit(self.one, incident) for incident in beside]
                    for incident in chosen:
                        if incident not in beside and not interrupted.is_set():
                            self.one(incident)
                    for future in waiting:
                        future.result()
            self.wait_ends()
            only = set(self.options.only)
            if not interrupted.is_set() and not self.options.public and (not only or only & {NO_TARGETS, "CodexTargetMissing"}):
                self.no_targets()
        finally:
            over.set()
            watcher.join()

    def watch(self, over):
        """Looks at what fires, and notes when each row's alert did, and when it was over."""
        while not over.wait(POLL):
            alerts = self.watches.alerts()
            now = time.monotonic()
            with self.lock:
                self.alerts = alerts
                for row in self.rows:
                    alert = alerts.get(row.alert)
                    self.note(row, alert if alert and alert["state"] == "firing" else None, now)

    def note(self, row, alert, now):
        if row.began is not None and row.fired_after is None and row.undone is None and alert:
            row.fired_after = now - row.began
            row.summary = alert["annotations"]["summary"]
            self.keep(row, alert)
            say(f"  {row.alert} fires after {row.fired_after:.1f} s: {row.summary}")
        if row.undone is not None and row.fired_after is not None and row.ended_after is None and not alert:
            row.ended_after = max(0.0, now - row.undone)

    def one(self, incident):
        rows = [Row(incident.name, alert) for alert in incident.alerts]
        say(f"{incident.name}: {incident.about}")
        try:
            quiet = lambda: not any(alert in self.alerts for alert in incident.alerts)  # noqa: E731
            until(LONG_END_LIMIT, f"{', '.join(incident.alerts)} to be quiet", quiet, pause=POLL)
            with self.lock:
                self.rows += rows
                for row in rows:
                    row.began = time.monotonic()
            with incident.make(self.pairs[incident.pair]):
                self.wait_fire(rows)
        except Failure as failure:
            say(f"  {failure}")
            for row in rows:
                row.problem = row.problem or str(failure).splitlines()[0]
        with self.lock:
            self.rows += [row for row in rows if row not in self.rows]
            for row in rows:
                row.undone = time.monotonic()

    def wait_fire(self, rows):
        try:
            until(FIRE_LIMIT, "alerts", lambda: all(row.fired_after is not None for row in rows))
        except Failure:
            for row in rows:
                if row.fired_after is None:
                    row.problem = f"did not fire within {FIRE_LIMIT} s"
                    say(f"  {row.alert} {row.problem}")

    def wait_ends(self):
        """Waits until every alert that fired is over."""
        for row in [] if interrupted.is_set() else self.rows:
            limit = LONG_END_LIMIT if row.alert in DAYS else END_LIMIT
            try:
                until(limit, f"the end of {row.alert}", lambda row=row: row.problem or row.ended_after is not None)
            except Failure as failure:
                row.problem = str(failure)
                say(f"  {failure}")

    def no_targets(self):
        """The job has no target: the last thing, because nothing else fires then."""
        row = Row(NO_TARGETS, "CodexTargetMissing")
        say(f"{NO_TARGETS}: Prometheus has no front to scrape")
        row.began = time.monotonic()
        with self.lock:
            self.rows.append(row)
        self.prometheus.reload([])
        self.wait_fire([row])
        self.prometheus.reload(self.targets)
        row.undone = time.monotonic()
        self.wait_ends()

    # What is told

    def keep(self, row, alert):
        folder = self.out / "alerts"
        folder.mkdir(exist_ok=True)
        (folder / f"{row.alert}.{row.incident}.json").write_text(json.dumps(alert, indent=2) + "\n")

    def not_made(self):
        told = dict(NOT_MADE)
        for incident in INCIDENTS:
            why = self.why_not(incident)
            for alert in incident.alerts if why else ():
                if not any(row.alert == alert for row in self.rows):
                    told[alert] = why
        if self.options.public:
            told["CodexTargetMissing"] = "needs a pair of the drill's own"
        return told

    def report(self, took):
        lines = table([["incident", "alert", "fired after", "over after", "result"], *(row.told() for row in self.rows)])
        lines += ["", "Not made here, and covered by compose/prometheus/tests:"]
        lines += [f"  {alert}: {why}" for alert, why in sorted(self.not_made().items())]
        lines += ["", f"{self.watches.told()}; {took:.0f} s in all."]
        (self.out / "table.txt").write_text("\n".join(lines) + "\n")
        told = [vars(row) for row in self.rows]
        report = {"factor": self.factor, "seconds": round(took, 1), "rows": told, "not_made": self.not_made()}
        (self.out / "drill.json").write_text(json.dumps(report, indent=2) + "\n")
        print("\n" + "\n".join(lines))


def waits():
    """The `for` of each alert, as it is written."""
    found, name = {}, None
    for line in (SOURCE / "rules" / "alerts.yml").read_text().splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "- alert":
            name = value
            found[name] = None
        elif key == "for" and name:
            found[name] = value
    return found


def stand_in(out):
    """How to start a program that sees a control group's limit of ours; `None` where that can't be."""
    if not shutil.which("unshare") or os.geteuid() != 0:
        return None
    probe = ["unshare", "--mount", "--propagation", "private"]
    mount = "mount -t tmpfs none /sys/fs/cgroup && echo max > /sys/fs/cgroup/memory.max"
    if not getattr(stand_in, "works", None):
        stand_in.works = subprocess.run([*probe, "sh", "-c", mount], capture_output=True).returncode + 1
    return [*probe, "sh", "-c", f'{mount} && exec "$0"'] if stand_in.works == 1 else None


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def arguments(argv):
    parser = argparse.ArgumentParser("drill", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factor", type=int, default=FACTOR, metavar="N", help=f"what time is divided by (default {FACTOR})")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="an incident or an alert; several times")
    parser.add_argument("--dry-run", action="store_true", help="render and check the rules, say what would be made")
    parser.add_argument("--out", type=Path, metavar="DIR", help="evidence (default test-results/drill-TIME)")
    parser.add_argument("--bin-dir", metavar="DIR", help="worker-daemon, http-front and scripted-upstream (target/debug)")
    parser.add_argument("--codex", metavar="FILE", help="the codex to run (default CODEX_BIN_REAL, or the fetched one)")
    given = parser.add_argument_group("a pair that is there; its operator's key is in DRILL_KEY")
    given.add_argument("--public", metavar="URL", help="such as http://127.0.0.1:11435")
    given.add_argument("--internal", metavar="URL", help="such as http://127.0.0.1:18080")
    given.add_argument("--daemon-pid", type=int, metavar="PID", help="on this machine: codex may be killed, too")
    given.add_argument("--scripted", action="store_true", help="its upstream is the scripted one")
    options = parser.parse_args(argv)
    known = {NO_TARGETS, "CodexTargetMissing"} | {name for i in INCIDENTS for name in (i.name, *i.alerts)}
    if unknown := set(options.only) - known:
        parser.error(f"no incident or alert is named {', '.join(sorted(unknown))}; --dry-run lists them")
    if not 1 <= options.factor <= 1000:
        parser.error("--factor is from 1 to 1000")
    if bool(options.public) != bool(options.internal):
        parser.error("--public and --internal belong together")
    if options.public and not os.environ.get("DRILL_KEY"):
        parser.error("DRILL_KEY is not set: it has the key of an operator of that pair")
    return options


def dry_run(drill):
    for prometheus in drill.watches.all.values():
        prometheus.render(["127.0.0.1:18080"])
        print(f"The rules in time divided by {prometheus.factor:g}: {prometheus.folder}")
    print()
    chosen = drill.chosen()
    print("\n".join(table([["incident", "what", "alerts"], *([i.name, i.about, ", ".join(i.alerts)] for i in chosen)])))
    print(f"{NO_TARGETS}, in the end: CodexTargetMissing")
    print("\nNot made here, and covered by compose/prometheus/tests:")
    print("\n".join(f"  {alert}: {why}" for alert, why in sorted(drill.not_made().items())))


def main(argv=None):
    options = arguments(argv)
    out = options.out or ROOT / "test-results" / time.strftime("drill-%Y%m%dT%H%M%SZ", time.gmtime())
    out = out.resolve()
    drill = Drill(options, out)
    missing = drill.programs.missing(own=not options.public and not options.dry_run)
    if missing:
        print("drill: missing: " + ", ".join(missing), file=sys.stderr)
        return MISSING
    out.mkdir(parents=True, exist_ok=True)
    # A Ctrl-C or SIGTERM ends what was started, too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: interrupted.set())
    began = time.monotonic()
    try:
        if options.dry_run:
            dry_run(drill)
            return FIRED
        drill.start()
        drill.run()
    except (Failure, KeyboardInterrupt) as failure:
        print(f"drill: {failure or 'interrupted'}", file=sys.stderr)
        return FAILED
    finally:
        drill.stop()
    if interrupted.is_set():
        print("drill: interrupted", file=sys.stderr)
        return FAILED
    drill.report(time.monotonic() - began)
    print(f"Evidence: {out}")
    return FAILED if any(row.problem for row in drill.rows) else FIRED
