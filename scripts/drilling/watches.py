"""Which Prometheus watches which alert.

There are three, and each divides time by another factor: whatever an alert's windows are, several scrapes fall into each,
also on a machine that is busy, and none takes longer than a drill.
"""

import concurrent.futures
import re

from .durations import milliseconds
from .incidents import DAYS, MINUTES
from .prometheus import SOURCE, Prometheus

#: What `--factor` is by default.
FACTOR = 50
#: What it is multiplied with.
SCALES = {"minutes": 0.5, "usual": 1, "days": 10}
#: The shortest that a window may be, in milliseconds, with the factor that is the default.
SHORTEST = 2000


def watch(alert):
    """The name of the Prometheus that watches this alert."""
    return "minutes" if alert in MINUTES else "days" if alert in DAYS else "usual"


class Watches:
    def __init__(self, folder, factor):
        self.running = {}
        self.factors = {name: max(1, factor * scale) for name, scale in SCALES.items()}
        self.all = {name: Prometheus(folder / f"prometheus-{name}", by) for name, by in self.factors.items()}

    def start(self, names, targets, main):
        """Starts these, all at once, until each has scraped. The one of days needs no more than the first pair."""
        wanted = {name: [main] if name == "days" else targets for name in names}
        self.running = {name: self.all[name] for name in names}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda name: self.running[name].scrape(wanted[name]), names):
                pass

    def stop(self):
        for prometheus in self.running.values():
            if prometheus.process:
                prometheus.process.stop()

    def alerts(self):
        """The alerts that fire or are about to, by name, each as its own Prometheus tells it."""
        return {
            alert: told
            for name, prometheus in self.running.items()
            for alert, told in prometheus.alerts().items()
            if watch(alert) == name
        }

    def told(self):
        by = {name: f"{factor:g}" for name, factor in self.factors.items()}
        return f"Time divided by {by['usual']}, for alerts over minutes by {by['minutes']}, over days by {by['days']}"


def windows():
    """Every duration that an alert's firing depends on, in milliseconds: its own, and those of what is recorded for it."""
    found, texts = {}, {}
    for path in sorted((SOURCE / "rules").glob("*.yml")):
        for rule in re.split(r"^ +- (?=alert:|record:)", path.read_text(), flags=re.M)[1:]:
            kind, name = re.match(r"(alert|record): (\S+)", rule).groups()
            rule = re.sub(r"^ *#.*$", "", rule, flags=re.M)
            texts[name] = kind, re.split(r"^ +(?:labels|annotations):", rule, maxsplit=1, flags=re.M)[0]

    def durations(name, seen):
        _, text = texts[name]
        body = text.split("\n", 1)[1]
        own = re.findall(r"\[(\w+)\]|^ +for: (\w+)", body, flags=re.M)
        lengths = {milliseconds(one or other) for one, other in own}
        for recorded in set(re.findall(r"codex:[\w:]+", body)) - seen:
            lengths |= durations(recorded, seen | {recorded})
        return lengths

    for name, (kind, _) in texts.items():
        if kind == "alert":
            found[name] = durations(name, {name})
    return found
