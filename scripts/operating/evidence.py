"""What a run leaves behind: a dated folder under `test-results/`, which only its owner can read."""

import json
import os
import time
from pathlib import Path

from .cli import ROOT, Failure

RESULTS = ROOT / "test-results"


def stamp():
    """The time in UTC as names of files have it."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


class Evidence:
    """The folder of one run. Files are written whole; no key belongs into any of them."""

    def __init__(self, kind, folder=None, keep=True):
        """`folder` in the place of a dated one; without `keep` nothing is written (a dry run)."""
        self.keep = keep
        self.folder = Path(folder) if folder else self._dated(kind)
        self.summary = {"kind": kind, "started": stamp(), "checks": []}
        if keep:
            try:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise Failure(f"the folder for evidence can't be made: {error}") from error

    @staticmethod
    def _dated(kind):
        base = RESULTS / f"{kind}-{stamp()}"
        # Two runs within a second.
        others = (base.with_name(f"{base.name}-{n}") for n in range(2, 1000))
        return base if not base.exists() else next(path for path in others if not path.exists())

    def write(self, name, text):
        """Writes a file of the folder, and gives its path."""
        path = self.folder / name
        if self.keep:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = path.with_name(f"{path.name}.part")
            data = text if isinstance(text, bytes) else text.encode()
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            part.replace(path)
        return path

    def check(self, name, problem=None, **more):
        """Notes what became of a check; `problem` is None where all is well. Gives whether it is."""
        self.summary["checks"].append({"name": name, "problem": problem, **more})
        return problem is None

    @property
    def failed(self):
        return [check for check in self.summary["checks"] if check["problem"] is not None]

    def close(self, **more):
        """Writes `summary.json`."""
        self.summary.update(more, ended=stamp(), failed=len(self.failed))
        return self.write("summary.json", json.dumps(self.summary, indent=2) + "\n")
