"""A Prometheus of the drill's own, with this repository's rules in compressed time."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from .durations import FLOOR, compressed, document
from .processes import Failure, Process, free_port, until

SOURCE = Path(__file__).resolve().parents[2] / "compose" / "prometheus"
#: How far Prometheus looks back for a sample, as it is by default.
LOOKBACK = "5m"


class Prometheus:
    def __init__(self, folder, factor):
        self.folder, self.factor = folder, factor
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = None

    def render(self, targets):
        """Writes the files, and has promtool check them."""
        (self.folder / "rules").mkdir(parents=True, exist_ok=True)
        for rules in sorted((SOURCE / "rules").glob("*.yml")):
            (self.folder / "rules" / rules.name).write_text(document(rules.read_text(), self.factor))
        text = document((SOURCE / "prometheus.yml").read_text(), self.factor)
        # Nobody is to be told of a drill.
        text = text[: text.index("\nalerting:")] + "\n"
        listed = ", ".join(json.dumps(target) for target in targets)
        text, changed = re.subn(r'- targets: \["127\.0\.0\.1:18080"\]', f"- targets: [{listed}]", text)
        if changed != 1:
            raise Failure("prometheus.yml has not the one target that was expected")
        (self.folder / "prometheus.yml").write_text(text)
        check = subprocess.run(
            ["promtool", "check", "config", str(self.folder / "prometheus.yml")], capture_output=True, text=True
        )
        if check.returncode:
            raise Failure(f"promtool refuses the rendered files:\n{check.stdout}{check.stderr}")

    def start(self, targets):
        self.render(targets)
        self.process = Process(
            "prometheus",
            [
                "prometheus",
                f"--config.file={self.folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                f"--query.lookback-delta={compressed(LOOKBACK, self.factor, 5 * FLOOR)}",
                "--web.enable-lifecycle",
                "--log.level=warn",
            ],
            {},
            self.folder / "prometheus.log",
        )
        until(30, "Prometheus to be ready", lambda: self.ask("/-/ready", raw=True), self.process)

    def scrape(self, targets):
        """Starts, and waits until each target has been scraped."""
        self.start(targets)
        until(30, "a scrape of each front", lambda: self.up() == len(targets), self.process)

    def reload(self, targets):
        self.render(targets)
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/-/reload", method="POST"), timeout=10).close()

    def ask(self, path, raw=False, **query):
        try:
            text = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
            with urllib.request.urlopen(text, timeout=10) as answer:
                return True if raw else json.load(answer)["data"]
        except OSError:
            return None

    def alerts(self):
        """The alerts that fire or are about to, by name; of several the one that fires."""
        found = {}
        for alert in (self.ask("/api/v1/alerts") or {}).get("alerts", []):
            name = alert["labels"]["alertname"]
            if name not in found or alert["state"] == "firing":
                found[name] = alert
        return found

    def up(self):
        """How many targets were scraped."""
        result = (self.ask("/api/v1/query", query='sum(up{job="codex-front"})') or {}).get("result", [])
        return int(float(result[0]["value"][1])) if result else 0

    def rules(self):
        groups = (self.ask("/api/v1/rules") or {}).get("groups", [])
        return [rule for group in groups for rule in group["rules"]]
