"""What runs already: Traefik's network in the engine, and the front where it is up. Where there is no engine, that is told."""

import http.client
import json
import shutil
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from .. import programs
from ..cli import Failure
from .reach import TRAEFIK

#: What is said of the front's health.
FRONT = "the front is well"
HEALTH = "http://127.0.0.1:11435/healthz"
#: Seconds and bytes that an answer may take.
LIMIT, BYTES = 10, 65536


class Seen(NamedTuple):
    what: str
    #: None where all is well or where it could not be seen.
    problem: str | None = None
    #: Why it could not be seen.
    unseen: str | None = None


def look(project, health=HEALTH):
    """The network `traefik` in the engine, and the front's health where its container is up."""
    network, front = "the network traefik exists", FRONT
    if shutil.which("docker") is None:
        return [Seen(network, unseen="docker is not installed"), Seen(front, unseen="docker is not installed")]
    asked, why = _docker("version", "--format", "{{.Server.Version}}")
    if asked is None:
        return [Seen(network, unseen=why), Seen(front, unseen=why)]
    return [_network(network), _front(front, project, health)]


def _docker(*words):
    """What docker says, or None and why."""
    try:
        asked = programs.run(["docker", *words], limit=LIMIT)
    except Failure as failure:
        return None, str(failure)
    if asked.returncode != 0:
        said = (asked.stderr.strip() or asked.stdout.strip() or "nothing").splitlines()[-1]
        return None, f"no engine answers: {said}" if words[0] == "version" else said
    return asked.stdout.strip(), None


def _network(what):
    name, why = _docker("network", "inspect", TRAEFIK, "--format", "{{.Name}}")
    # The beginning of an id would do for `inspect`, too.
    if name != TRAEFIK:
        told = why or f"the engine says `{name}`"
        return Seen(what, f"the network {TRAEFIK} is not in the engine ({told}): docker network create {TRAEFIK}")
    return Seen(what)


def _front(what, project, health):
    labels = (f"label=com.docker.compose.{name}" for name in (f"project={project}", "service=front"))
    running, why = _docker("ps", "--quiet", *(word for label in labels for word in ("--filter", label)))
    if running is None:
        return Seen(what, unseen=why)
    if not running:
        return Seen(what, unseen="its container is not up")
    return Seen(what, healthy(health))


def _read(answer):
    """What fits into the bounds. The limit of a connection is that of each wait, and not of all of them."""
    body, end = b"", time.monotonic() + LIMIT
    while len(body) < BYTES and time.monotonic() < end and (part := answer.read1(BYTES)):
        body += part
    return body


def healthy(url):
    """None where the front says that it is well, else what it says."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=LIMIT)
    remedy = "docker compose logs front worker"
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        body = _read(answer)
    except (OSError, http.client.HTTPException) as error:
        return f"the front's container is up, but {url} can't be asked ({type(error).__name__}: {error}): {remedy}"
    finally:
        connection.close()
    try:
        told = json.loads(body)
        status = str(told["status"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return f"{url} answers {answer.status} with something that is not the front's: see who listens there"
    if answer.status != 200 or status != "ok":
        return f"{url} answers {answer.status}, status {status[:40]!r}, worker {str(told.get('worker_state'))[:40]!r}: {remedy}"
    return None
