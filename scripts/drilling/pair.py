"""Pairs of worker-daemon and http-front: the drill's own, or one that was given."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import threading
import time
import urllib.parse

from .processes import Failure, Process, again_and_again, children, command_line, until

KEY = "sk-drill-000000000000000000000000"
#: How long a toggle of the drill holds at most, in seconds.
TOGGLE_SECONDS = 300
#: How often a toggle is tried: one that is left would keep the service closed.
TRIES = 3
#: What a toggle is set with.
KEPT = ("enabled", "retry_after_s", "message", "until")
#: codex's own retries are off: the incidents are to be seen at once.
CONFIG = """model = "gpt-5.5"
model_provider = "scripted"

[model_providers.scripted]
name = "scripted"
base_url = "{upstream}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
"""
#: codex, or an app server that ends before it says a word, while there is a file.
CODEX = """#!/bin/sh
case " $* " in *" app-server "*) [ ! -e '{deadly}' ] || exit 1 ;; esac
exec '{codex}' "$@"
"""


class Given:
    """A pair by its addresses. What needs its processes can't be done to it."""

    def __init__(self, public, internal, key, pid=None):
        self.public, self.internal, self.key, self.daemon_pid = public, internal, key, pid
        self.usual = {"prompt": "hello"}

    def request(self, method, url, body=None, headers=None, limit=30):
        """The status and the body, or 0 where there was no answer."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=limit)
        try:
            sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | (headers or {})
            connection.request(method, parts.path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def chat(self, prompt, stream=False, headers=None, limit=30, **more):
        body = {"model": "codex-5", "stream": stream, "messages": [{"role": "user", "content": prompt}]} | more
        return self.request("POST", f"{self.public}/v1/chat/completions", body, headers, limit)

    def ask_as_usual(self):
        """A request of those that go on all the time."""
        return self.chat(**self.usual)

    @contextlib.contextmanager
    def asked(self, prompt, limit):
        """The requests that go on all the time are these, and not those that are answered well."""
        before, self.usual = self.usual, {"prompt": prompt, "limit": limit}
        try:
            yield
        finally:
            self.usual = before

    def toggle(self, name, body=None):
        """Sets a toggle, or removes it; the answer must be 200. A front that is busy is asked again."""
        method = "DELETE" if body is None else "PUT"
        for _ in range(TRIES):
            status, text = self.request(method, f"{self.internal}/internal/{name}", body)
            if status == 200:
                return
        raise Failure(f"{method} /internal/{name} was answered with {status}: {text[:200]!r}")

    @contextlib.contextmanager
    def toggled(self, name, body):
        """Sets a toggle that ends by itself, also where the drill is killed, and leaves what there was before."""
        status, text = self.request("GET", f"{self.internal}/internal/{name}")
        before = json.loads(text) if status == 200 else {}
        # The kill switch has no time of its own.
        self.toggle(name, body | ({"until": int(time.time()) + TOGGLE_SECONDS} if name == "maintenance" else {}))
        try:
            yield
        finally:
            again = None
            if before.get("source") == "toggle":
                kept = KEPT if name == "maintenance" else KEPT[:1]
                again = {key: before[key] for key in kept if before.get(key) is not None}
            self.toggle(name, again)

    def target(self):
        return urllib.parse.urlsplit(self.internal).netloc

    def codex_pids(self):
        """The app servers: not a codex that only says its version."""
        return [pid for pid in children(self.daemon_pid or 0) if b"app-server" in command_line(pid)]

    def ready(self):
        process, what = getattr(self, "front", None), f"{self.public} to be ready"
        until(60, what, lambda: self.request("GET", f"{self.public}/readyz", limit=5)[0] == 200, process)

    def connected(self):
        """Whether the front tells the daemon's series."""
        return b'\ncodex_worker_connected{worker="worker"} 1\n' in self.request("GET", f"{self.internal}/metrics", limit=5)[1]

    @contextlib.contextmanager
    def dying_codex(self):
        """Kills codex as soon as it is there. On a machine that is busy it may be ready before that."""
        with again_and_again(self.kill_codex, 0.003):
            yield
        self.ready()

    def kill_codex(self):
        for pid in self.codex_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        """Nothing of it is ours."""


class Own(Given):
    """A pair that the drill starts, in a folder of its own."""

    def __init__(self, name, folder, programs, upstream, daemon=None, front=None, wrap=None, key_in_file=False):
        self.name, self.folder, self.programs = name, folder, programs
        self.home, self.state = folder / "home", folder / "state"
        for made in (folder, self.home, self.state):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.home / "config.toml").write_text(CONFIG.format(upstream=upstream))
        self.keys = folder / "keys.toml"
        self.key = KEY
        self.write_keys("2099-01-01T00:00:00Z" if key_in_file else None)
        self.deadly, codex = folder / "codex-dies", folder / "codex"
        codex.write_text(CODEX.format(deadly=self.deadly, codex=programs.codex))
        codex.chmod(0o700)
        shared = {"WORKER_SOCKET": folder / "worker.sock"}
        self.daemon_env = shared | {"CODEX_BIN": codex, "CODEX_HOME": self.home} | (daemon or {})
        if (bundle := one_root(folder)) is not None:
            self.daemon_env["WORKER_CA_BUNDLE"] = bundle
        access = {"PROXY_API_KEYS_FILE": self.keys} if key_in_file else {"PROXY_API_KEY": KEY}
        self.front_env = shared | access | {"PORT": 0, "PROXY_INTERNAL_ADDR": "127.0.0.1:0", "PROXY_STATE_DIR": self.state}
        self.front_env |= front or {}
        self.daemon = self.front = None
        self.start_daemon()
        log = folder / "http-front.log"
        self.front = Process(f"http-front of {name}", [*(wrap or []), programs.front], self.front_env, log)
        started = until(20, f"the addresses of {name}", self.addresses, self.front)
        super().__init__(f"http://{started['public']}", f"http://{started['internal']}", KEY, self.daemon.pid)
        self.ready()

    def start_daemon(self):
        log = self.folder / "worker-daemon.log"
        self.daemon = Process(f"worker-daemon of {self.name}", [self.programs.daemon], self.daemon_env, log)
        self.daemon_pid = self.daemon.pid

    def addresses(self):
        for line in self.front.lines():
            if '"front_started"' in line:
                return json.loads(line)
        return None

    @contextlib.contextmanager
    def dying_codex(self):
        """Kills codex; each that is started then ends at once, by itself: no kill can be too late."""
        self.deadly.touch()
        self.kill_codex()
        try:
            yield
        finally:
            self.deadly.unlink()
        self.ready()

    def write_keys(self, expires, broken=False):
        """The file of keys as an editor leaves it: whole. `None` writes no key."""
        text = "this is no TOML\n" if broken else ""
        if expires and not broken:
            digest = hashlib.sha256(KEY.encode()).hexdigest()
            text = f'[[keys]]\nname = "drill"\nhash = "sha256:{digest}"\ncreated = 2020-01-01T00:00:00Z\n'
            text += f"expires = {expires}\noperator = true\n"
        part = self.folder / "keys.part"
        part.write_text(text)
        part.chmod(0o600)
        part.replace(self.keys)
        if hasattr(self, "front") and self.front:
            self.front.signal(signal.SIGHUP)

    def kill_daemon(self):
        self.daemon.signal(signal.SIGKILL)
        self.daemon.child.wait(10)

    def front_pid(self):
        return self.front.pid

    def stop(self):
        for process in (self.front, self.daemon):
            if process:
                process.stop()


def one_root(folder):
    """A bundle of one certificate: codex reads the whole of it for each turn, and its upstream here has none."""
    end = "-----END CERTIFICATE-----\n"
    try:
        with open("/etc/ssl/certs/ca-certificates.crt") as store:
            first, found, _ = store.read().partition(end)
    except OSError:
        return None
    if not found:
        return None
    bundle = folder / "one-root.pem"
    bundle.write_text(first + end)
    return bundle


class Traffic:
    """Asks again and again, in threads, until it is left."""

    def __init__(self, ask, threads=4, pause=0.0):
        self.ask, self.threads, self.pause = ask, threads, pause
        self.over = threading.Event()
        self.answers = {}

    def work(self):
        while not self.over.is_set():
            status, _body = self.ask()
            self.answers[status] = self.answers.get(status, 0) + 1
            # A pair that is not there must not be asked in a busy loop.
            self.over.wait(self.pause if status else max(self.pause, 0.1))

    def __enter__(self):
        self.running = [threading.Thread(target=self.work, daemon=True) for _ in range(self.threads)]
        for thread in self.running:
            thread.start()
        return self

    def __exit__(self, *_error):
        # What is on its way may end by itself.
        self.over.set()
