"""Measures what keys cost the front: it is asked for /verify with the last of them, over one connection."""

import hashlib
import http.client
import tempfile
from pathlib import Path

from drilling.processes import Failure as Trouble

from ..cli import Failure, say
from .measure import TICK, looked, started, waited

#: The kernel counts processor time in ticks: two looks are each up to one off.
LOOK = 2 / TICK


def file_of(keys):
    """A file of so many keys, and the last of them; `codexctl key` writes the same, one at a time."""
    names = [f"sk-{n:064x}" for n in range(keys)]
    tables = (
        f'[[keys]]\nname = "k{n}"\nhash = "sha256:{hashlib.sha256(key.encode()).hexdigest()}"\ncreated = 2026-01-01T00:00:00Z\n'
        for n, key in enumerate(names)
    )
    return "\n".join(tables), names[-1]


def asked(port, path, key):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while True:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"{path} answers {answer.status}: {body[:200]!r}")
        yield body


def main(program, keys, requests):
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        text, key = file_of(keys)
        file = Path(folder, "keys.toml")
        file.write_text(text)
        file.chmod(0o600)
        settings = {"PORT": 0, "PROXY_INTERNAL_ADDR": "127.0.0.1:0", "WORKER_SOCKET": f"{folder}/none.sock"}
        front = started("http-front", [program], {**settings, "PROXY_API_KEYS_FILE": file, "PROXY_STATE_DIR": folder}, folder)
        try:
            port = int(waited(front, r'"event":"front_started".*?"internal":"[^"]*?:(\d+)"'))
            answers = asked(port, "/verify", key)
            for _ in range(100):
                next(answers)
            before = looked(front.pid)
            for _ in range(requests):
                next(answers)
            after = looked(front.pid)
            metrics = next(asked(port, "/metrics", key)).decode()
        except Trouble as trouble:
            raise Failure(str(trouble)) from trouble
        finally:
            front.stop()
    series = sum(not line.startswith("#") for line in metrics.splitlines())
    cost, ticks = (after["seconds"] - before["seconds"]) * 1000 / requests, 1000 * LOOK / requests
    say(f"{keys} keys: {cost:.4f} ms a request, within {ticks:.4f}; {after['bytes'] / 1e6:.1f} MB; {series} lines of series")
