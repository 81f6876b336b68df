"""How other programs are run."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from operating import programs
from operating.cli import MISSING, Failure


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name, "log")

    def test_what_is_shown_is_kept(self):
        lines = "".join(f"{n}\n" for n in range(30))
        code, last = programs.show(["sh", "-c", "seq 0 29; echo oh >&2; exit 7"], log=self.log)
        self.assertEqual((code, last.splitlines()), (7, [*map(str, range(11, 30)), "oh"]))
        self.assertEqual(self.log.read_text(), f"{lines}oh\n")

    def test_whatever_takes_too_long_is_stopped_and_told(self):
        for run in (programs.run, programs.show):
            with self.subTest(run=run), self.assertRaisesRegex(Failure, r"^`sleep 600` did not end within 0\.2 s"):
                run(["sleep", 600], limit=0.2)

    def test_whatever_does_not_heed_that_is_killed(self):
        words = ["sh", "-c", "trap '' TERM; exec sleep 600"]
        with mock.patch.object(programs, "LAST", 0.2), self.assertRaisesRegex(Failure, "was stopped"):
            programs.show(words, limit=0.5)

    def test_a_program_that_is_missing_is_told(self):
        with self.assertRaisesRegex(Failure, "no-such-program is not installed") as caught:
            programs.run(["no-such-program"])
        self.assertEqual(caught.exception.code, MISSING)


if __name__ == "__main__":
    unittest.main()
