"""Requests that curl makes, and what it saw: the head, the body, the times, and how the transfer ended.

curl gets all of a request on stdin: its command line, which every user of the machine can read, has nothing of it. Redirects are
never followed, what `.curlrc` says is not read, and both the time and the size of an answer are bounded.
"""

import json
import os
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..cli import MISSING, Failure

#: No answer to these requests is nearly as long. curl's own limit acts only on a length that was announced (before 8.4).
MOST_BYTES = 4 * 1024 * 1024
#: Seconds that curl has, beyond the request's own limit, to tell how it ended.
GRACE = 5


@dataclass(frozen=True)
class Door:
    """The way in: the base of all URLs, and how curl gets there."""

    base: str
    resolve: tuple = ()
    cacert: str | None = None
    insecure: bool = False
    #: A proxy of the environment is passed by: for addresses that it can't know.
    direct: bool = False


@dataclass(frozen=True)
class Request:
    """One request. `key` is the bearer key that goes with it, if any."""

    method: str
    path: str
    limit: float
    key: str | None = field(default=None, repr=False)
    headers: tuple = ()
    body: dict | None = None

    def config(self, door, head):
        """What curl reads on stdin."""
        lines = [
            *("silent", "no-buffer", "globoff", "suppress-connect-headers"),
            _option("proto", "=http,https"),
            _option("url", f"{door.base}{self.path}"),
            _option("max-time", f"{self.limit:g}"),
            _option("max-filesize", MOST_BYTES),
            _option("dump-header", head),
            _option("write-out", "%{stderr}%{json}"),
            *(_option("header", f"{name}: {value}") for name, value in self.headers),
            *(_option("resolve", words) for words in door.resolve),
        ]
        if self.method not in ("GET", "POST"):
            lines.append(_option("request", self.method))
        if self.key is not None:
            lines.append(_option("header", f"Authorization: Bearer {self.key}"))
        if self.body is not None:
            lines += [_option("header", "Content-Type: application/json"), _option("data-raw", json.dumps(self.body))]
        if door.cacert:
            lines.append(_option("cacert", door.cacert))
        if door.insecure:
            lines.append("insecure")
        if door.direct or door.resolve:
            lines.append(_option("noproxy", "*"))
        return "\n".join(lines) + "\n"


def _option(name, value):
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'{name} = "{text}"'


@dataclass
class Answer:
    """What came back. `problem` says how the transfer went wrong, `status` is 0 where no head came."""

    status: int
    status_line: str
    headers: list
    body: bytes
    timings: dict
    problem: str | None
    exit_code: int | None
    #: Seconds in all, and from the first bytes of the body to the last.
    seconds: float
    spread: float

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def header(self, name):
        return next(iter(self.all(name)), None)

    @property
    def timed_out(self):
        return self.exit_code == 28

    @property
    def media_type(self):
        return (self.header("content-type") or "").split(";")[0].strip().lower()


def ask(curl, door, request):
    """Makes the request, and gives what came back; that nothing did is an answer, too."""
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        head, said = Path(folder, "head"), Path(folder, "said")
        with open(said, "wb") as errors:
            started = time.monotonic()
            child = subprocess.Popen([curl, "-q", "--config", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        try:
            try:
                child.stdin.write(request.config(door, head).encode())
                child.stdin.close()
            except BrokenPipeError:
                pass  # It ended before it read that; its exit code says why.
            read = _Reading(child.stdout.fileno(), started + request.limit + GRACE)
            if read.problem:
                child.kill()
            code = child.wait()
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
            child.stdin.close()
        timings = _timings(said.read_text(errors="replace"))
        if not timings and not read.problem:
            raise Failure(f"curl ended with {code} and told no times; curl 7.70 or newer is needed", MISSING)
        problem = read.problem
        if problem is None and code != 0:
            problem = timings.get("errormsg") or "the transfer failed"
            problem = f"curl: {problem} ({code})"
        status_line, headers = _head(head)
        seconds = timings.get("time_total") or time.monotonic() - started
        status = _status(status_line)
        return Answer(status, status_line, headers, bytes(read.body), timings, problem, code, seconds, read.spread)


class _Reading:
    """Reads the body until its end, the bound or the deadline."""

    def __init__(self, descriptor, deadline):
        self.body, self.problem = bytearray(), None
        first, self.spread = None, 0.0
        while True:
            ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                self.problem = "curl did not end when its time was over"
                return
            some = os.read(descriptor, 65536)
            if not some:
                return
            now = time.monotonic()
            first = now if first is None else first
            self.spread = now - first
            self.body += some
            if len(self.body) > MOST_BYTES:
                self.problem = f"the answer is longer than {MOST_BYTES} bytes"
                return


def _timings(text):
    """The object that `--write-out` wrote."""
    try:
        told = json.loads(text[text.index("{") :])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _head(path):
    """The last head that came, without interim ones (1xx) and without trailers."""
    try:
        text = path.read_bytes().decode("latin-1")
    except FileNotFoundError:
        return "", []
    status_line, headers, inside = "", [], False
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("HTTP/"):
            status_line, headers, inside = line.strip(), [], True
        elif not line:
            inside = False
        elif inside:
            name, _, value = line.partition(":")
            headers.append((name.strip().lower(), value.strip()))
    return status_line, headers


def _status(line):
    word = line.split(" ")[1] if " " in line else ""
    return int(word) if word.isascii() and word.isdigit() else 0
