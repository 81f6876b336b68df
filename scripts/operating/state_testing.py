"""What the tests of the scripts about the state folder share: the real script in a process of its own, and folders for it."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import unittest
from pathlib import Path

from .cli import ROOT, run

#: Stand in for secrets. None may be seen again.
TOKEN, KEY = "eyJhbGciOiJub25lIn0.c2VjcmV0LXRva2Vu.", "sk-proj-0123456789abcdefghij"
SECRETS = (TOKEN, KEY)
LOGIN = f'{{"tokens": {{"access_token": "{TOKEN}"}}}}\n'
CONFIG = 'model = "gpt-5.5"\n'
#: An owner that is not the one who runs the tests, where they run as root.
OTHER = (54321, 54322)


class ScriptTest(unittest.TestCase):
    """`self.run_script` runs `scripts/NAME`, and holds its output and its evidence to telling no secret."""

    script = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="operating-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.out = self.folder / "evidence"
        self.root = os.geteuid() == 0

    def run_script(self, *arguments, script=None, code=0, environment=None):
        words = [sys.executable, "-B", str(ROOT / "scripts" / (script or self.script)), *self.words(*arguments)]
        settings = {name: value for name, value in os.environ.items() if not name.startswith("CODEX_")} | (environment or {})
        done = subprocess.run(words, capture_output=True, text=True, env=settings, timeout=60)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, said)
        self.assertNotIn("Traceback", said)
        self.no_secret(said, "the output")
        for path in self.out.rglob("*"):
            self.no_secret(path.read_text(), path)
        return said

    def run_powerless(self, main, closed, *arguments, code):
        """A script's `main` as somebody who may not look into the folder `closed`: another user, where we are root.

        A fork, and no program: Python itself may lie where only root can get.
        """
        told, self.out = self.folder / "told", self.folder / "evidence-of-another"
        self.out.mkdir(exist_ok=True)
        for path in (self.folder, self.out):
            path.chmod(0o777)
        closed.chmod(0o700 if self.root else 0)
        sys.stdout.flush()
        if (pid := os.fork()) == 0:
            try:
                for number in (1, 2):
                    os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC), number)
                sys.stdout, sys.stderr = (open(number, "w") for number in (1, 2))
                if self.root:
                    os.setgroups([])
                    os.setgid(OTHER[1])
                    os.setuid(OTHER[0])
                os._exit(run(main, self.words(*arguments)))
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(99)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        closed.chmod(0o700)
        self.assertEqual(status, code, told.read_text())
        return told.read_text()

    def words(self, *arguments):
        """What all runs are told, and these."""
        return list(map(str, ("--env-file", self.folder / ".env", "--out", self.out, *arguments)))

    def run_inside(self, main, *arguments, code=0):
        """The script's `main` in this process, for what only a test that holds its parts can have happen."""
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            self.assertEqual(run(main, self.words(*arguments)), code, out.getvalue())
        self.no_secret(out.getvalue(), "the output")
        return out.getvalue()

    def no_secret(self, text, where):
        for secret in SECRETS:
            self.assertNotIn(secret, text, f"in {where}")

    def make(self, folder, files):
        """A folder with these files, as a daemon has them."""
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            path.chmod(0o600)
        return folder

    def tree(self, folder):
        """All below a folder: its files with their bytes, its folders, its links."""
        found = {}
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_symlink():
                found[name] = ("link", os.readlink(path))
            else:
                found[name] = ("file", path.read_bytes()) if path.is_file() else ("other", None)
        return found

    def mode(self, path):
        return path.lstat().st_mode & 0o7777
