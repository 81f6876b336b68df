"""The command line that all of them have: exit codes, words, and the settings of `.env`."""

import argparse
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Every script ends with one of these, and `--help` says so.
GOOD, FAILED, USAGE, MISSING = 0, 1, 2, 3
CODES = """exit codes: 0 all is as it should be; 1 something is not, or could not be done; 2 a wrong option or setting; 3 a program or
a file that this needs is missing
"""


class Failure(Exception):
    """Why a script ends, in words that say what to do, and with which code."""

    def __init__(self, message, code=FAILED):
        super().__init__(message)
        self.code = code


def parser(description, epilog=""):
    """A parser whose help is printed as it is written here."""
    return argparse.ArgumentParser(
        description=description,
        epilog=f"{epilog}\n{CODES}" if epilog else CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def say(text=""):
    print(text, flush=True)


def complain(text):
    print(text, file=sys.stderr, flush=True)


def run(main, arguments=None):
    """Runs `main(arguments)` and gives its exit code; a `Failure` is told in one line, without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return main(sys.argv[1:] if arguments is None else arguments) or GOOD
    except Failure as failure:
        complain(f"{Path(sys.argv[0]).name}: {failure}")
        return failure.code
    except KeyboardInterrupt:
        complain(f"{Path(sys.argv[0]).name}: interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read this has gone; nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def dotenv(path):
    """The variables of a `.env` file, without running it: `NAME=value`, quotes taken off, `export ` and comments allowed."""
    values = {}
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return values
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} can't be read: {error}", USAGE) from error
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip().removeprefix("export ").lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name = name.rstrip()
        if not equals or not name.replace("_", "").isalnum() or name[0].isdigit():
            raise Failure(f"{path}:{number} is no `NAME=value`", USAGE)
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        else:
            value = value.split(" #", 1)[0].rstrip()
        values[name] = value
    return values


class Settings:
    """Values by name: the environment's, else those of a `.env` file. An empty one is unset."""

    def __init__(self, file, environment=None):
        self.file = Path(file)
        self._environment = os.environ if environment is None else environment
        self._file = dotenv(file)

    def get(self, *names, default=None):
        """The first of these names that is set in the environment, else the first that the file has."""
        for values in (self._environment, self._file):
            for name in names:
                if values.get(name):
                    return values[name]
        return default

    def need(self, *names):
        value = self.get(*names)
        if value is None:
            raise Failure(f"set {' or '.join(names)}, in the environment or in {self.file}", USAGE)
        return value
