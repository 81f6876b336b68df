"""The programs that the scripts start: found or told to be missing, run with a limit, their output kept."""

import collections
import contextlib
import os
import shutil
import subprocess
import threading

from .cli import MISSING, Failure, say

#: Seconds. Building images takes as long as compiling does.
QUICK, SLOW = 60, 3600
#: Seconds that a command has to end in once it is told to.
LAST = 10


def need(name, remedy=""):
    """The path of a program."""
    found = shutil.which(name)
    if found is None:
        raise Failure(f"{name} is not installed{f'; {remedy}' if remedy else ''}", MISSING)
    return found


def compose():
    """The words that start Compose: docker's plugin, else the program of its own."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Failure("there is no Docker Compose (`docker compose version`); install its plugin", MISSING)


def run(command, limit=QUICK, environment=None, **more):
    """Runs a command, and gives what became of it with its output as text."""
    command = [str(word) for word in command]
    settings = {**os.environ, **environment} if environment else None
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=limit, env=settings, check=False, **more
        )
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} is not installed", MISSING) from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"`{' '.join(command)}` did not end within {limit} s") from error
    except OSError as error:
        raise Failure(f"`{' '.join(command)}` can't be run: {error}") from error


def show(command, limit=SLOW, environment=None, log=None, **more):
    """Runs a command, and shows what it prints while it prints it, in `log`, too. Gives its exit code and its last lines.

    At its limit, in seconds, it is told to end, and killed if it doesn't: a `Failure`.
    """
    command = [str(word) for word in command]
    settings = {**os.environ, **environment} if environment else None
    last = collections.deque(maxlen=20)
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open(log, "w", encoding="utf-8")) if log else None
        child = stack.enter_context(
            subprocess.Popen(
                command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **more
            )
        )
        is_late = threading.Event()

        def stop():
            is_late.set()
            # Told first: docker tells its plugin, Compose, which would run on with our pipe.
            child.terminate()
            try:
                child.wait(LAST)
            except subprocess.TimeoutExpired:
                child.kill()

        late = threading.Timer(limit, stop)
        late.start()
        stack.callback(late.cancel)
        for line in child.stdout:
            say(f"  {line.rstrip()}")
            last.append(line.rstrip())
            if out:
                out.write(line)
                out.flush()
    if is_late.is_set():
        raise Failure(f"`{' '.join(command)}` did not end within {limit} s, and was stopped")
    return child.returncode, "\n".join(last)
