"""What a number of open streams takes, by the costs of one: a calculation without time.

Costs are taken to grow in proportion, because nothing of the pair looks at all streams for the sake of one; that they do is measured
as far as one machine goes (docs/scaling.md), and an assumption beyond.
"""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..cli import USAGE, Failure

UNITS = Path(__file__).with_name("units.toml")
PROGRAMS = ("front", "daemon", "codex")


def units(path=UNITS):
    """The costs of a file, which has the members of ours, all of them numbers."""
    try:
        given = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise Failure(f"{path} can't be read: {error}", USAGE) from error
    if path != UNITS:
        for group, members in units().items():
            for member in members:
                value = given.get(group, {}).get(member)
                if not isinstance(value, int | float) or not 0 <= value < math.inf:
                    raise Failure(f"{path}: {group}.{member} is no number", USAGE)
    return given


def changed(given, name, value):
    """The costs with another value for one, such as `load.seconds`."""
    group, _, member = name.partition(".")
    if member not in given.get(group, {}):
        raise Failure(f"there is no {name}", USAGE)
    if not 0 < value < math.inf:
        raise Failure(f"{name} must be more than 0", USAGE)
    return {**given, group: {**given[group], member: value}}


def bursts(given):
    """The costs at the cheap end."""
    part = given["bursts"]["part_of_delta"]
    cheap = {name: {**given[name], "delta_ms": given[name]["delta_ms"] * part} for name in PROGRAMS}
    return changed({**given, **cheap}, "codex.turn_ms", given["bursts"]["codex_turn_ms"])


@dataclass(frozen=True)
class Plan:
    """What it takes; rates are of one second, processor time is cores that are busy all the time."""

    streams: int
    turns_s: float
    workers: int
    fronts: int
    #: Of Kubernetes, each with a front and a worker, as many as the autoscaler would have.
    pods: int
    cores: dict
    #: Of the three programs; the kernel's for clients' connections is apart, and an upper bound.
    memory_bytes: float
    kernel_bytes: float
    files_of_a_front: float
    to_clients_bytes_s: float
    from_clients_bytes_s: float
    #: Both ways.
    socket_bytes_s: float
    log_bytes_s: float
    tokens_minute: float
    hosts: int
    #: What decides how many hosts there are: `processor time`, `memory` or `network`.
    first: str

    @property
    def all_cores(self):
        return sum(self.cores.values())


def turn_ms(unit, load):
    """Processor time of a program for one stream."""
    return unit["turn_ms"] + unit["delta_ms"] * load["deltas"]


def plan(given, streams):
    """What that many open streams take."""
    load, limits, host = given["load"], given["limits"], given["host"]
    turns_s = streams / load["seconds"]
    workers = math.ceil(streams / limits["places"])
    fronts = math.ceil(streams / limits["streams"])
    count = {"front": fronts, "daemon": workers, "codex": workers}
    cores = {name: turns_s * turn_ms(given[name], load) / 1000 for name in PROGRAMS}
    memory = sum(count[name] * given[name]["base_bytes"] + streams * given[name]["stream_bytes"] for name in PROGRAMS)
    deltas_s = turns_s * load["deltas"]
    answers, requests = deltas_s * given["wire"]["http_delta_bytes"], turns_s * load["request_bytes"]
    needs = {
        "processor time": sum(cores.values()) / (host["cores"] * host["used"]),
        "memory": memory / (host["memory_bytes"] * host["used"]),
        # Of the one direction: answers to clients go out, and requests to the provider. What comes in is taken to be as much.
        "network": (answers + requests) / (host["network_bytes_s"] * host["used"]),
    }
    first = max(needs, key=needs.get)
    return Plan(
        streams=streams,
        turns_s=turns_s,
        workers=workers,
        fronts=fronts,
        pods=math.ceil(streams / limits["pod"]),
        cores=cores,
        memory_bytes=memory,
        kernel_bytes=streams * given["wire"]["connection_bytes"],
        files_of_a_front=given["front"]["base_files"] + streams / fronts * given["front"]["stream_files"],
        to_clients_bytes_s=answers,
        from_clients_bytes_s=requests,
        socket_bytes_s=deltas_s * given["wire"]["socket_delta_bytes"] + requests,
        log_bytes_s=turns_s * given["wire"]["log_request_bytes"],
        tokens_minute=turns_s * 60 * (load["prompt_tokens"] + load["deltas"]),
        hosts=max(1, math.ceil(needs[first])),
        first=first,
    )


def bounds(given):
    """How many open streams one pair with the defaults carries on one host, by each bound; the lowest first."""
    load, limits, host = given["load"], given["limits"], given["host"]

    def of_files(name):
        return (limits["files"] - given[name]["base_files"]) / max(given[name]["stream_files"], 0.001)

    def of_cores(names, cores):
        return cores * load["seconds"] * 1000 / max(sum(turn_ms(given[name], load) for name in names), 0.000001)

    memory = host["memory_bytes"] * host["used"] - sum(given[name]["base_bytes"] for name in PROGRAMS)
    found = {
        "places for turns (`WORKER_MAX_CONCURRENCY`)": limits["places"],
        "places and the line (`WORKER_QUEUE_MAX`): past it 503": limits["places"] + limits["waiting"],
        "open requests of a front (`PROXY_MAX_STREAMS`)": limits["streams"],
        "connections of a front (`PROXY_MAX_CONNECTIONS`)": limits["connections"],
        "open files of a front (`LimitNOFILE=`)": of_files("front"),
        "open files of codex (`LimitNOFILE=`)": of_files("codex"),
        "memory of the host": memory / max(sum(given[name]["stream_bytes"] for name in PROGRAMS), 1),
        "processor time of the host": of_cores(PROGRAMS, host["cores"] * host["used"]),
        "processor time of the daemon, which has one thread": of_cores(["daemon"], host["used"]),
    }
    return sorted(found.items(), key=lambda item: item[1])
