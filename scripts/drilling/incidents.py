"""The incidents: what is done, which alerts each must fire, and which alerts can't be made here.

The pairs: `main` has the traffic, `small` runs few turns at once, `aside` is there to be broken, `closed` to be closed. What
an incident needs: `http` a pair's addresses, `scripted` an upstream that does as it is told, `pid` the daemon's process,
`own` a pair that the drill has started, `stand-in` one whose control group's limit it may set.
"""

import dataclasses
from collections.abc import Callable

from . import making
from .making import asking


@dataclasses.dataclass(frozen=True)
class Incident:
    name: str
    about: str
    make: Callable
    alerts: tuple
    pair: str = "main"
    needs: str = "own"
    #: Whether it goes on beside the others, where it has a pair of its own.
    background: bool = False


#: Watched in a Prometheus whose time is divided by less: their windows are of minutes, or what fills them comes in bursts.
MINUTES = (
    "CodexTargetDown",
    "CodexWorkerNotReady",
    "CodexWorkerNotConnected",
    "CodexWorkerBackoff",
    "CodexWorkerDegraded",
    "CodexWorkerRestarts",
    "CodexProcessRestarts",
    "CodexProviderSilent",
    "CodexQueueFilling",
    "CodexFirstTokenP95",
    "CodexFirstTokenP99",
    "CodexKeysFileBroken",
    "CodexNoValidKey",
    "CodexMemoryHigh",
    "CodexFilesHigh",
    "CodexOtlpFailing",
)
#: Watched in a Prometheus whose time is divided by more: their windows are of hours and days.
DAYS = ("CodexSloBurnMedium", "CodexSloBurnSlow")

#: In this order: what makes errors comes first, so that the long windows of the error budget can end meanwhile.
INCIDENTS = [
    Incident(
        "maintenance-is-left-on",
        "maintenance is switched on, and nobody switches it off",
        making.maintenance_is_left_on,
        ("CodexMaintenanceLeftOn",),
        "closed",
        "http",
        background=True,
    ),
    Incident(
        "kill-switch-is-left-off",
        "the service is switched off, and nobody switches it on",
        making.kill_switch_is_left_off,
        ("CodexKillSwitchLeftOff",),
        "closed",
        "http",
        background=True,
    ),
    Incident(
        "upstream-fails",
        "the upstream answers 500",
        asking("!status 500", threads=3, pause=0.02),
        ("CodexErrorRateCritical", "CodexErrorRateWarning", "CodexSloBurnFast", *DAYS),
        needs="scripted",
    ),
    Incident(
        "upstream-stalls",
        "the upstream begins and says nothing more; requests run into their deadline",
        asking("!stall", threads=12, pause=0),
        ("CodexErrorRateCritical",),
        "aside",
    ),
    Incident(
        "upstream-hangs",
        "the upstream takes requests and says nothing, to nobody",
        making.upstream_hangs,
        ("CodexProviderSilent",),
        needs="scripted",
    ),
    Incident(
        "upstream-signed-us-out",
        "the upstream answers 401",
        asking("!status 401"),
        ("CodexSignedOut",),
        needs="scripted",
    ),
    Incident(
        "upstream-bars-us",
        "the upstream answers 403",
        asking("!status 403", threads=3, pause=0.02),
        ("CodexUpstreamRefuses",),
        needs="scripted",
    ),
    Incident(
        "quota-is-used-up",
        "the upstream says that the plan's limit is used up",
        asking("!usage_limit"),
        ("CodexQuotaUsedUp",),
        needs="scripted",
    ),
    Incident(
        "overload",
        "turns of a second: 4 run, 32 wait, more are refused",
        asking("!delay 1000\n!echo done", threads=40, pause=0.3, limit=60),
        ("CodexQueueFilling", "CodexQueueWait"),
        "small",
    ),
    Incident(
        "codex-dies-at-once",
        "codex is killed, and dies again whenever it starts",
        making.codex_dies_at_once,
        ("CodexWorkerRestarts", "CodexWorkerBackoff", "CodexWorkerDegraded", "CodexWorkerNotReady"),
        "aside",
        "pid",
    ),
    Incident(
        "first-token-is-late",
        "the upstream takes 6 s to its first token",
        making.first_token_is_late,
        ("CodexFirstTokenP95", "CodexFirstTokenP99"),
        needs="scripted",
    ),
    Incident(
        "codex-panics",
        "a panic's line in codex's stderr, as Rust writes it",
        making.codex_panics,
        ("CodexPanic",),
        needs="pid",
    ),
    Incident(
        "text-tools-fail",
        "the model writes calls as text that are none",
        making.text_tools_fail(),
        ("CodexToolBufferAborted",),
        needs="scripted",
    ),
    Incident(
        "keys-file-is-broken",
        "the file of keys is no TOML",
        making.keys_file_is_broken,
        ("CodexKeysFileBroken",),
        "aside",
    ),
    Incident("keys-have-expired", "the only key has expired", making.keys_have_expired, ("CodexNoValidKey",), "aside"),
    Incident(
        "disk-refuses",
        "the usage log's disk is full, and a file stands where the trace buffer's folder was",
        making.disk_refuses,
        ("CodexLogLinesDropped", "CodexTracesDropped"),
        "aside",
    ),
    Incident(
        "collector-is-down",
        "nobody listens where spans go to",
        asking("hello", threads=1, pause=0.1),
        ("CodexOtlpFailing",),
        "aside",
    ),
    Incident(
        "files-run-out",
        "the front's limit of open files is lowered to little more than it has open",
        making.files_run_out,
        ("CodexFilesHigh",),
        "aside",
    ),
    Incident(
        "memory-is-short",
        "the limit of the front's memory is lowered to what it uses (a stand-in for the control group's file)",
        making.memory_is_short,
        ("CodexMemoryHigh",),
        "aside",
        "stand-in",
    ),
    Incident("front-hangs", "http-front is stopped (SIGSTOP)", making.front_hangs, ("CodexTargetDown",), "aside"),
    Incident(
        "daemon-is-gone",
        "worker-daemon is killed and not started again",
        making.daemon_is_gone,
        ("CodexWorkerNotConnected",),
        "aside",
    ),
    Incident(
        "daemon-dies-again-and-again",
        "worker-daemon is killed and started again, as systemd does, whenever the front has it",
        making.daemon_dies_again_and_again,
        ("CodexProcessRestarts",),
        "aside",
    ),
]
#: Alerts that no incident fires, and why; promtool's tests cover them. `no-targets` is made by the drill itself.
NOT_MADE = {
    "CodexToolBufferOpen": "it takes a fault of ours: a text that is held back and never let go",
    "CodexCpuHigh": "whether a core is kept busy depends on the machine, and two cores also run the drill",
}
