"""Processes that the drill starts, and ends again, by their ids."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time


class Failure(Exception):
    """The drill can't go on; the text says why."""


class Process:
    """A process whose output goes to a file."""

    def __init__(self, name, command, environment, log):
        self.name, self.log = name, log
        keep = {key: os.environ[key] for key in ("PATH",) if key in os.environ}
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                env=keep | {key: str(value) for key, value in environment.items()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.child.pid

    def lines(self):
        return self.log.read_text(errors="replace").splitlines()

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def stop(self):
        """SIGTERM, time to end, SIGKILL. A stopped one is let go on."""
        for number, limit in ((signal.SIGCONT, 0), (signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            self.signal(number)
            try:
                self.child.wait(limit)
                return
            except subprocess.TimeoutExpired:
                continue


#: Set by the first Ctrl-C or SIGTERM: every wait then ends at once, also those of other threads.
interrupted = threading.Event()


def until(limit, what, look, process=None, pause=0.05):
    """Asks `look` again and again until it gives something."""
    end = time.monotonic() + limit
    while True:
        found = look()
        if found:
            return found
        if process is not None and not process.alive():
            raise Failure(f"{process.name} ended while waiting for {what}:\n" + "\n".join(process.lines()[-10:]))
        if interrupted.is_set():
            raise Failure(f"interrupted while waiting for {what}")
        if time.monotonic() > end:
            raise Failure(f"waited {limit} s for {what}")
        time.sleep(pause)


@contextlib.contextmanager
def again_and_again(do, pause):
    """Does something in a thread, with pauses, until it is left; what goes wrong there is raised here."""
    over, problems = threading.Event(), []

    def work():
        try:
            while not over.is_set():
                do()
                over.wait(pause)
        except Exception as problem:  # noqa: BLE001
            problems.append(problem)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if problems:
        raise Failure(f"{type(problems[0]).__name__}: {problems[0]}")


def free_port():
    """One that is free just now, and none that the system gives to whoever asks for any: it is taken only later."""
    for _ in range(100):
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Failure("no port from 20000 to 29999 is free")


def children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        texts = [open(f"/proc/{pid}/task/{task}/children").read() for task in tasks]
    except OSError:
        return []
    return [int(child) for text in texts for child in text.split()]


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""
