"""How each incident is made. An incident is a context on a pair: it holds while the context does, and leaves nothing behind."""

import contextlib
import os
import resource
import signal
import threading
import time

from .pair import Traffic
from .processes import Failure, again_and_again, until

#: The name of a tool that the model has, and one that it hasn't.
TOOL = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}
NO_CALL = "!echo <use_tool><name>nobody</name><q>x</q></use_tool>"
TEXTUAL = {"x-proxy-output-mode": "textual-tools"}
#: How long a daemon lives that dies again and again: long enough for a scrape to see it.
LIFE = 1.5
#: How often a limit is set anew to what is used.
FOLLOW = 0.2


def asking(prompt, threads=2, pause=0.05, **more):
    """Requests with this prompt, again and again."""
    return lambda pair: Traffic(lambda: pair.chat(prompt, **more), threads=threads, pause=pause)


def text_tools_fail():
    return asking(NO_CALL, headers=TEXTUAL, tools=[TOOL])


@contextlib.contextmanager
def upstream_hangs(pair):
    # Clients that leave after 2 s, so that turns go on beginning; and none of the usual requests is answered.
    prompt = "!delay 60000\n!echo late"
    with pair.asked(prompt, limit=2), Traffic(lambda: pair.chat(prompt, limit=2), threads=12):
        yield


@contextlib.contextmanager
def first_token_is_late(pair):
    # Each thread has its own beginning within the 6 s: afterwards as many streams end in each second as in any other.
    threads, late, begun = 96, 6.0, threading.local()
    places = iter(range(threads))

    def ask():
        if not hasattr(begun, "yes"):
            begun.yes = True
            time.sleep(late / threads * next(places))
        return pair.chat(f"!delay {late * 1000:.0f}\n!echo late", stream=True, limit=60)

    with Traffic(ask, threads=threads):
        yield


def codex_dies_at_once(pair):
    return pair.dying_codex()


@contextlib.contextmanager
def codex_panics(pair):
    pid = until(10, "codex", pair.codex_pids)[0]
    with open(f"/proc/{pid}/fd/2", "w") as stderr:
        stderr.write("\nthread 'drill' panicked at drill.rs:1:1:\nthis is a drill\n")
    yield


@contextlib.contextmanager
def daemon_is_gone(pair):
    pair.kill_daemon()
    try:
        yield
    finally:
        pair.start_daemon()
        pair.ready()


@contextlib.contextmanager
def daemon_dies_again_and_again(pair):
    def again():
        pair.kill_daemon()
        pair.start_daemon()
        # A slow machine may take long; the next death comes then.
        with contextlib.suppress(Failure):
            until(10, "the front to be connected", pair.connected)

    with again_and_again(again, LIFE):
        yield
    pair.ready()


@contextlib.contextmanager
def front_hangs(pair):
    pair.front.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        pair.front.signal(signal.SIGCONT)
        pair.ready()


@contextlib.contextmanager
def keys_file(pair, **how):
    pair.write_keys(**how)
    try:
        yield
    finally:
        pair.write_keys("2099-01-01T00:00:00Z")


def keys_file_is_broken(pair):
    return keys_file(pair, expires="2099-01-01T00:00:00Z", broken=True)


def keys_have_expired(pair):
    return keys_file(pair, expires="2020-06-01T00:00:00Z")


@contextlib.contextmanager
def disk_refuses(pair):
    folder = pair.state / "trace-buffer"
    put_by = pair.state / "put-by"
    if folder.exists():
        folder.rename(put_by)
    folder.write_text("in the way\n")
    try:
        with Traffic(lambda: pair.chat("hello"), threads=1, pause=0.1):
            yield
    finally:
        folder.unlink(missing_ok=True)
        if put_by.exists():
            put_by.rename(folder)


@contextlib.contextmanager
def memory_is_short(pair):
    limit, told = f"/proc/{pair.front_pid()}/root/sys/fs/cgroup/memory.max", [0]

    def follow():
        used = resident(pair.front_pid())
        # Whoever reads meanwhile sees a file without a limit: it is written as seldom as can be.
        if not 0.92 < used / max(1, told[0]) < 1:
            told[0] = int(used / 0.96)
            write(limit, str(told[0]))

    try:
        with again_and_again(follow, FOLLOW):
            yield
    finally:
        write(limit, "max")


@contextlib.contextmanager
def files_run_out(pair):
    pid = pair.front_pid()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def follow():
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (int(used / 0.9) + 1, before[1]))

    try:
        with again_and_again(follow, FOLLOW):
            yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def maintenance_is_left_on(pair):
    return pair.toggled("maintenance", {"enabled": True, "message": "A drill."})


def kill_switch_is_left_off(pair):
    return pair.toggled("app-server", {"enabled": False})


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
