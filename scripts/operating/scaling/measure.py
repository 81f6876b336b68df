"""Measures what a stream costs: starts the pair around the real codex with a scripted upstream, and opens streams.

Memory and open files are looked at while all streams are open and tell their deltas; processor time is what a whole round took.
Two rounds with other numbers of deltas tell a stream's cost from a delta's.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import tempfile
import urllib.request
from pathlib import Path

from drilling.processes import Failure as Trouble
from drilling.processes import Process, children, until

from ..cli import Failure, say

PROVIDER = """model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "http://{address}/v1"
wire_api = "responses"
"""
#: How long anything may take to be ready, in seconds.
PATIENCE = 30
TICK = os.sysconf("SC_CLK_TCK")
#: Streams are begun this far apart, in seconds, so that codex isn't asked for all of them at once.
APART = 0.01
#: How often a round that ended early is made again.
ROUNDS = 3


def started(name, words, environment, folder):
    return Process(name, words, environment, Path(folder, f"{name}.log"))


def waited(process, pattern):
    """The first group of what its output must have soon."""

    def said():
        return re.search(pattern, process.log.read_text(errors="replace"))

    return until(PATIENCE, pattern, said, process)[1]


def looked(pid):
    """What the kernel says of a process: resident bytes of its own, open files, seconds of processor time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text()
    own = int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024
    return {"bytes": own, "files": len(os.listdir(f"/proc/{pid}/fd")), "seconds": (int(fields[11]) + int(fields[12])) / TICK}


def ready(port):
    """Whether the front says that it can answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE) as answer:
            return answer.status == 200
    except OSError:
        return False


def codex_of(daemon):
    """The child of the daemon that serves."""
    found = children(daemon)
    if len(found) != 1:
        raise Failure(f"the daemon has {len(found)} children, and not one")
    return found[0]


async def stream(address, key, prompt):
    """One streamed completion to its end; gives its bytes and its frames."""
    reader, writer = await asyncio.open_connection(*address)
    body = json.dumps({"model": "codex-5", "stream": True, "messages": [{"role": "user", "content": prompt}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    taken = await reader.read()
    writer.close()
    if b"data: [DONE]" not in taken:
        raise Failure(f"a stream did not end well: {taken[:300]!r}")
    return len(taken), taken.count(b"data: ")


class Early(Failure):
    """Streams had ended before all were looked at."""


async def round_of(address, key, pids, streams, deltas, pause_ms, rest=None):
    """Opens that many streams; gives what each process had while all were open, and used until the end.

    `rest`: what they had before the first round; allocators keep what they once had.
    """
    prompt = f"!chunks 4\n!pause {pause_ms}\n!repeat {deltas} abcd"
    before = {name: looked(pid) for name, pid in pids.items()}
    rest = rest or before
    tasks = []
    for _ in range(streams):
        tasks.append(asyncio.create_task(stream(address, key, prompt)))
        await asyncio.sleep(APART)
    await asyncio.sleep(deltas * pause_ms / 1000 * 0.6)
    early = any(task.done() for task in tasks)
    during = {name: looked(pid) for name, pid in pids.items()}
    done = await asyncio.gather(*tasks)
    if early:
        raise Early("streams had ended before all were looked at: more deltas or a longer pause")
    await asyncio.sleep(1)
    after = {name: looked(pid) for name, pid in pids.items()}
    of_each = {}
    for name in pids:
        of_each[name] = {
            "bytes": (during[name]["bytes"] - rest[name]["bytes"]) / streams,
            "files": (during[name]["files"] - rest[name]["files"]) / streams,
            "cpu_ms": (after[name]["seconds"] - before[name]["seconds"]) * 1000 / streams,
            "base_bytes": rest[name]["bytes"],
            "base_files": rest[name]["files"],
        }
    return of_each, sum(size for size, _ in done) / sum(frames for _, frames in done)


async def round_in_time(*arguments):
    """A round that ends early is made again, for the machine may have been busy; each has its time."""
    deltas, pause_ms = arguments[4:6]
    limit = PATIENCE + 3 * deltas * pause_ms / 1000
    for left in reversed(range(ROUNDS + 1)):
        try:
            return await asyncio.wait_for(round_of(*arguments), limit)
        except Early:
            if not left:
                raise
        except TimeoutError:
            raise Failure(f"a round has not ended within {limit:.0f} s") from None


def main(options):
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder, contextlib.ExitStack() as running:
        try:
            pair(options, folder, lambda process: running.callback(process.stop))
        except Trouble as trouble:
            raise Failure(str(trouble)) from trouble


def pair(options, folder, keep):
    """Starts all of it, each told to `keep`, and measures."""

    def begin(name, words, environment):
        process = started(name, words, environment, folder)
        keep(process)
        return process

    key, socket, home = f"sk-{secrets.token_hex(16)}", f"{folder}/worker.sock", Path(folder, "home")
    home.mkdir(mode=0o700)
    upstream = begin("upstream", [options.upstream, "--no-record"], {})
    Path(home, "config.toml").write_text(PROVIDER.format(address=waited(upstream, r"(127\.0\.0\.1:\d+)")))
    settings = {"CODEX_HOME": home, "WORKER_SOCKET": socket, "CODEX_BIN": options.codex, "HOME": folder}
    places = {"WORKER_MAX_CONCURRENCY": max(options.streams)}
    daemon = begin("worker-daemon", [options.bin / "worker-daemon"], settings | places)
    waited(daemon, r'"event":"(worker_ready)"')
    settings = {"PORT": 0, "PROXY_INTERNAL_ADDR": "127.0.0.1:0", "WORKER_SOCKET": socket}
    front = begin("http-front", [options.bin / "http-front"], settings | {"PROXY_API_KEY": key, "PROXY_STATE_DIR": folder})
    port = int(waited(front, r'"event":"front_started".*?"public":"[^"]*?:(\d+)"'))
    until(PATIENCE, "the front to be ready", lambda: ready(port), front)
    asyncio.run(measured(options, ("127.0.0.1", port), key, front, daemon))


async def measured(options, address, key, front, daemon):
    pids = {"front": front.pid, "daemon": daemon.pid, "codex": codex_of(daemon.pid)}
    # Each way is gone once, codex has its caches.
    for _ in range(2):
        await round_in_time(address, key, pids, 5, 20, 50)
    rest = {name: looked(pid) for name, pid in pids.items()}
    for streams in options.streams:
        few, wire = await round_in_time(address, key, pids, streams, options.deltas, options.pause, rest)
        many, wire = await round_in_time(address, key, pids, streams, 2 * options.deltas, options.pause, rest)
        logs = {process.name: process.log.stat().st_size for process in (front, daemon)}
        say(f"{streams} streams; {options.deltas} and {2 * options.deltas} deltas, one each {options.pause} ms; {wire:.0f} bytes a frame")
        for name in pids:
            slope = (many[name]["cpu_ms"] - few[name]["cpu_ms"]) / options.deltas
            say(
                f"  {name:7} at rest {many[name]['base_bytes'] / 1e6:6.1f} MB, {many[name]['base_files']} files; each stream "
                f"{few[name]['bytes'] / 1e3:6.1f} and {many[name]['bytes'] / 1e3:6.1f} kB, {many[name]['files']:4.2f} files, "
                f"{few[name]['cpu_ms'] - options.deltas * slope:6.2f} ms and {slope:7.4f} ms for each delta"
            )
        say(f"  logs so far: {logs}")
