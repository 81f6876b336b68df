"""What is kept of the answers: without the key and without cookies, in files that only their owner can read."""

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from ..cli import USAGE, Failure

#: A key shorter than this may be a word that an answer has by chance.
TELLING = 16
#: Headers that are secrets of a session.
SECRET = ("set-cookie", "authorization", "proxy-authorization")


class Cleaner:
    """Takes the key out of texts."""

    def __init__(self, key):
        self._forms = {key, json.dumps(key)[1:-1], quote(key), quote(key, safe="")}
        self._telling = len(key) >= TELLING

    def clean(self, text):
        for form in self._forms:
            text = text.replace(form, "[key]")
        return text

    def repeats(self, answer):
        """Whether the answer has the key in it."""
        text = answer.body.decode("latin-1") + "\n".join(value for _, value in answer.headers)
        return self._telling and any(form in text for form in self._forms)


def told(request, url, answer, problem):
    """The request's line, the head, the body and the times, for people to read; to be cleaned of the key."""
    head = [f"{name}: {'[not kept]' if name in SECRET else value}" for name, value in answer.headers]
    body = answer.body.decode(errors="backslashreplace")
    times = {name: value for name, value in answer.timings.items() if name.startswith(("time_", "size_"))}
    times |= {"http_version": answer.timings.get("http_version"), "remote_ip": answer.timings.get("remote_ip")}
    times |= {"body_came_over": answer.spread, "limit": request.limit}
    ended = {"curl_exit": answer.exit_code, "transfer": answer.problem, "problem": problem, "timings": times}
    return "\n".join(
        [f"{request.method} {url}", "", answer.status_line or "(no head)", *head, "", body, "", json.dumps(ended, indent=2), ""]
    )


def refuse_foreign(path):
    """A name in a folder that others write to, too, may be taken. A link of ours is replaced, never followed."""
    path = Path(path)
    if not path.parent.is_dir():
        raise Failure(f"{path.parent} is no folder; --out-dir names one", USAGE)
    try:
        there = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise Failure(f"{path} can't be looked at: {error}") from error
    if there.st_uid != os.geteuid():
        raise Failure(f"{path} belongs to another user (uid {there.st_uid}); remove it, or give --out-dir")
    if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
        raise Failure(f"{path} is there and no file; remove it, or give --out-dir")


def replace(path, text):
    """Writes a fresh file, mode 0600, beside `path` and gives it that name: nothing that is there is opened or followed."""
    refuse_foreign(path)
    path = Path(path)
    part = None
    try:
        descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(part, path)
    except OSError as error:
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)
        raise Failure(f"{path} can't be written: {error}") from error
