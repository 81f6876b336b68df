"""The table of balance in docs/scaling.md: some of its rows are made anew, and all of them are held to what is known of such lines.

Making all of it takes minutes (`test_scaling` says how).
"""

import re
import unittest

from .cli import ROOT
from .scaling import report
from .test_scaling_balance import erlang

#: Rows that are made anew: load, workers, how they are chosen, fronts.
ANEW = [("90%", "1", "the one"), ("80%", "4", "in turn"), ("90%", "2", "a conversation's, else fewest")]


def rows():
    table = (ROOT / "docs/scaling.md").read_text().split("<!-- begin balance -->\n")[1].split("<!-- end balance -->")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def part(cell):
    """A part of one, and twice its standard error."""
    value, error = re.fullmatch(r"([0-9.]+)% ± ([0-9.]+)", cell).groups()
    return float(value) / 100, float(error) / 100


class Page(unittest.TestCase):
    def waiting(self, load):
        """How many wait, by the number of workers and how they are chosen."""
        return {(int(row[1]), row[2]): part(row[3]) for row in rows() if row[0] == load}

    def test_it_has_each_case_once(self):
        self.assertEqual(len(rows()), len(list(report.cases())))
        self.assertEqual(len({tuple(row[:3]) for row in rows()}), len(rows()))

    def test_rows_are_what_the_program_prints(self):
        by_head = {}
        for case in report.cases():
            several = f", {case.fronts} fronts" if case.fronts > 1 else ""
            chosen = report.CHOICES[case.choice] + several if case.workers > 1 else "the one"
            by_head[f"{case.load:.0%}", str(case.workers), chosen] = case
        for head in ANEW:
            with self.subTest(head):
                (row,) = [row for row in rows() if tuple(row[:3]) == head]
                self.assertEqual(row, report.balanced(by_head[head]))

    def test_by_chance_and_alone_it_is_the_line_of_one_worker(self):
        for load, known in (("80%", erlang(report.PLACES, 0.8)), ("90%", erlang(report.PLACES, 0.9))):
            for (workers, chosen), (seen, twice) in self.waiting(load).items():
                if chosen in ("the one", "by chance"):
                    with self.subTest(load=load, workers=workers):
                        self.near(seen, twice, known)
                        self.assertLess(twice, 0.04, "that is too wide to be told")

    def test_with_fewest_in_flight_more_workers_are_one_longer_line(self):
        waiting = self.waiting("90%")
        seen = [waiting[1, "the one"]] + [waiting[workers, "fewest in flight"] for workers in (2, 4, 8)]
        for (more, _), (fewer, _) in zip(seen, seen[1:], strict=False):
            self.assertGreater(more, fewer)
        for workers, (part_of_all, twice) in zip((1, 2, 4, 8), seen, strict=True):
            self.near(part_of_all, twice, erlang(workers * report.PLACES, 0.9))

    def near(self, seen, twice, known):
        # Erlang's durations are exponential, which changes this a little.
        self.assertLess(abs(seen - known), 2 * twice + 0.1 * known + 0.001, f"{seen} ± {twice} for {known}")


if __name__ == "__main__":
    unittest.main()
