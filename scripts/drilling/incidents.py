"""The incidents: how each is made, which alerts it must fire, and what else can't be made here.

An incident is a context: it holds while the context does. Its doc string is what the report says of it. The pairs: `main` has
the traffic, `small` runs few turns at once, `aside` is there to be broken, `closed` to be closed.
"""

import contextlib
import os
import signal
import threading
import time

from .pair import Traffic, killer
from .processes import Failure, until


class Incident:
    def __init__(self, make, alerts, pair="main", needs="own", background=False):
        self.make, self.alerts, self.pair, self.needs = make, alerts, pair, needs
        self.background = background

    @property
    def name(self):
        return self.make.__name__.replace("_", "-")

    @property
    def about(self):
        return self.make.__doc__


@contextlib.contextmanager
def upstream_fails(pair):
    """the upstream answers 500"""
    with Traffic(lambda: pair.chat("!status 500"), threads=3, pause=0.02):
        yield


@contextlib.contextmanager
def upstream_stalls(pair):
    """the upstream begins and says nothing more; requests run into their deadline"""
    with Traffic(lambda: pair.chat("!stall"), threads=12):
        yield


@contextlib.contextmanager
def upstream_signed_us_out(pair):
    """the upstream answers 401"""
    with Traffic(lambda: pair.chat("!status 401"), threads=2, pause=0.05):
        yield


@contextlib.contextmanager
def upstream_bars_us(pair):
    """the upstream answers 403"""
    with Traffic(lambda: pair.chat("!status 403"), threads=3, pause=0.02):
        yield


@contextlib.contextmanager
def quota_is_used_up(pair):
    """the upstream says that the plan's limit is used up"""
    with Traffic(lambda: pair.chat("!usage_limit"), threads=2, pause=0.05):
        yield


@contextlib.contextmanager
def overload(pair):
    """turns of a second: 4 run, 32 wait, more are refused"""
    with Traffic(lambda: pair.chat("!delay 1000\n!echo done", limit=60), threads=40, pause=0.3):
        yield


@contextlib.contextmanager
def first_token_is_late(pair):
    """the upstream takes 6 s to its first token"""
    turn = iter(range(10**9))
    ask = lambda: pair.chat("!delay 6000\n!echo late", stream=True, limit=60)  # noqa: E731

    def staggered():
        # Not all at once: the quantile must hold for a while.
        time.sleep(0.05 * (next(turn) % 96))
        return ask()

    with Traffic(staggered, threads=96):
        yield


@contextlib.contextmanager
def codex_dies_at_once(pair):
    """codex is killed whenever it starts"""
    over = threading.Event()
    thread = threading.Thread(target=killer, args=(pair, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        pair.ready() if hasattr(pair, "ready") else None


@contextlib.contextmanager
def codex_panics(pair):
    """a panic's line in codex's stderr, as Rust writes it"""
    pid = until(10, "codex", pair.codex_pids)[0]
    with open(f"/proc/{pid}/fd/2", "w") as stderr:
        stderr.write("\nthread 'drill' panicked at drill.rs:1:1:\nthis is a drill\n")
    yield


@contextlib.contextmanager
def text_tools_fail(pair):
    """the model writes calls as text that are none"""
    tool = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}
    prompt = "!echo <use_tool><name>nobody</name><q>x</q></use_tool>"
    headers = {"x-proxy-output-mode": "textual-tools"}
    with Traffic(lambda: pair.chat(prompt, headers=headers, tools=[tool]), threads=2, pause=0.05):
        yield


@contextlib.contextmanager
def daemon_is_gone(pair):
    """worker-daemon is killed and not started again"""
    pair.daemon.signal(signal.SIGKILL)
    pair.daemon.child.wait(10)
    try:
        yield
    finally:
        pair.start_daemon()
        pair.ready()


@contextlib.contextmanager
def daemon_dies_again_and_again(pair):
    """worker-daemon is killed and started again, as systemd does, whenever it is ready"""
    over = threading.Event()

    def again():
        while not over.wait(0.3):
            pair.daemon.signal(signal.SIGKILL)
            pair.daemon.child.wait(10)
            pair.start_daemon()
            with contextlib.suppress(Failure):
                pair.ready()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        pair.ready()


@contextlib.contextmanager
def front_hangs(pair):
    """http-front is stopped (SIGSTOP)"""
    pair.front.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        pair.front.signal(signal.SIGCONT)


@contextlib.contextmanager
def keys_file_is_broken(pair):
    """the file of keys is no TOML"""
    pair.write_keys("2099-01-01T00:00:00Z", broken=True)
    try:
        yield
    finally:
        pair.write_keys("2099-01-01T00:00:00Z")


@contextlib.contextmanager
def keys_have_expired(pair):
    """the only key has expired"""
    pair.write_keys("2020-06-01T00:00:00Z")
    try:
        yield
    finally:
        pair.write_keys("2099-01-01T00:00:00Z")


@contextlib.contextmanager
def disk_refuses(pair):
    """the usage log's disk is full, and a file stands where the trace buffer's folder was"""
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
def collector_is_down(pair):
    """nobody listens where spans go to"""
    with Traffic(lambda: pair.chat("hello"), threads=1, pause=0.1):
        yield


@contextlib.contextmanager
def memory_is_short(pair):
    """the limit of the front's memory is lowered to what it uses (a stand-in for the control group's file)"""
    limit = f"/proc/{pair.front_pid()}/root/sys/fs/cgroup/memory.max"
    used = resident(pair.front_pid())
    write(limit, str(int(used / 0.95)))
    try:
        yield
    finally:
        write(limit, "max")


@contextlib.contextmanager
def files_run_out(pair):
    """the front's limit of open files is lowered to little more than it has open"""
    import resource

    pid = pair.front_pid()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (int(used / 0.85) + 1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def maintenance_is_left_on(pair):
    """maintenance is switched on, and nobody switches it off"""
    with pair.toggled("maintenance", {"enabled": True, "message": "A drill."}):
        yield


@contextlib.contextmanager
def kill_switch_is_left_off(pair):
    """the service is switched off, and nobody switches it on"""
    with pair.toggled("app-server", {"enabled": False}):
        yield


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def write(path, text):
    with open(path, "w") as file:
        file.write(text)



ERRORS = ["CodexErrorRateCritical", "CodexErrorRateWarning", "CodexSloBurnFast"]
#: Their windows are of hours and days: they are watched in a Prometheus whose time is compressed more.
LONG = ["CodexSloBurnMedium", "CodexSloBurnSlow"]
#: In this order: what makes errors comes first, so that the long windows of the error budget can end meanwhile.
INCIDENTS = [
    Incident(maintenance_is_left_on, ["CodexMaintenanceLeftOn"], "closed", "http", background=True),
    Incident(kill_switch_is_left_off, ["CodexKillSwitchLeftOff"], "closed", "http", background=True),
    Incident(upstream_fails, [*ERRORS, *LONG], "main", "scripted"),
    Incident(upstream_stalls, ERRORS[:1], "aside"),
    Incident(upstream_signed_us_out, ["CodexSignedOut"], "main", "scripted"),
    Incident(upstream_bars_us, ["CodexUpstreamRefuses"], "main", "scripted"),
    Incident(quota_is_used_up, ["CodexQuotaUsedUp"], "main", "scripted"),
    Incident(overload, ["CodexQueueFilling", "CodexQueueWait"], "small"),
    Incident(
        codex_dies_at_once,
        ["CodexWorkerRestarts", "CodexWorkerBackoff", "CodexWorkerDegraded", "CodexWorkerNotReady"],
        "aside",
        "pid",
    ),
    Incident(first_token_is_late, ["CodexFirstTokenP95", "CodexFirstTokenP99"], "main", "scripted"),
    Incident(codex_panics, ["CodexPanic"], "main", "pid"),
    Incident(text_tools_fail, ["CodexToolBufferAborted"], "main", "scripted"),
    Incident(keys_file_is_broken, ["CodexKeysFileBroken"], "aside"),
    Incident(keys_have_expired, ["CodexNoValidKey"], "aside"),
    Incident(disk_refuses, ["CodexLogLinesDropped", "CodexTracesDropped"], "aside"),
    Incident(collector_is_down, ["CodexOtlpFailing"], "aside"),
    Incident(files_run_out, ["CodexFilesHigh"], "aside"),
    Incident(memory_is_short, ["CodexMemoryHigh"], "aside", "stand-in"),
    Incident(front_hangs, ["CodexTargetDown"], "aside"),
    Incident(daemon_is_gone, ["CodexWorkerNotConnected"], "aside"),
    Incident(daemon_dies_again_and_again, ["CodexProcessRestarts"], "aside"),
]
#: Alerts that no incident fires, and why; promtool's tests cover them. `no-targets` is made by the drill itself.
NOT_MADE = {
    "CodexToolBufferOpen": "it takes a fault of ours: a text that is held back and never let go",
    "CodexProviderSilent": "two minutes are 1.2 s here, in which too few turns begin",
    "CodexCpuHigh": "whether a core is kept busy depends on the machine, and two cores also run the drill",
}
