"""A simulation of turns on several workers: who waits, and how evenly they are loaded.

Turns arrive at random (Poisson), each runs for a while on one of the worker's places, and waits in that worker's line where none is
free. What decides is how a worker is chosen. Time is simulated; numbers come from a seed, the same on every machine.

One run says little: a line near its end is long for minutes, and then away for minutes. So a case is run several times, and what it
says is told with how far its runs are apart.
"""

import heapq
import math
import random
import statistics
from collections import deque
from dataclasses import dataclass
from statistics import NormalDist

#: Spread of the durations of answers: some are of seconds, some of minutes.
SIGMA = 1.0
#: Mean durations from the beginning in which the workers fill up and nothing is counted. The longest turns need most of it.
WARMING = 15
#: Turns that a run counts, all workers together, and runs of a case, where nothing else is said.
TURNS = 80_000
RUNS = 10
#: Conversations that may be gone on with: people come back soon or never.
OPEN = 500

#: How a worker is chosen: `random`; `turn`, one after the other; `least`, fewest turns in flight; `kept`, a conversation's last one,
#: and the least of others.
CHOICES = ("random", "turn", "least", "kept")


@dataclass(frozen=True)
class Case:
    workers: int
    #: Turns that a worker runs at once.
    places: int
    #: How much of all places is asked for, from 0 to 1.
    load: float
    #: One of `CHOICES`.
    choice: str
    #: Mean duration of a turn in seconds.
    seconds: float = 20.0
    #: Turns of a conversation, on average.
    turns: float = 5.0
    #: All durations alike, instead of log-normal.
    fixed: bool = False
    #: Fronts before the same workers. A turn comes to one of them by chance, and that one counts its own turns alone.
    fronts: int = 1


@dataclass(frozen=True)
class Outcome:
    #: Turns that had to wait, of all.
    waiting: float
    #: Seconds, of all turns, those that didn't wait among them.
    mean: float
    p99: float
    #: Turns in flight of the fullest worker, by those of the average one; over time.
    imbalance: float
    #: Turns of a conversation that went to another worker than the one before.
    moved: float


class Simulation:
    def __init__(self, case, seed):
        # What comes is the same whoever chooses.
        self.case, self.coming, self.chance = case, random.Random(seed), random.Random(-seed - 1)
        #: Turns that each worker has, waiting ones too, and what each front knows of that.
        self.flight = [0] * case.workers
        self.known = [[0] * case.workers for _ in range(case.fronts)]
        self.lines = [deque() for _ in range(case.workers)]
        #: When each turn that runs ends, its worker and its front.
        self.ends = []
        self.conversations = deque(maxlen=OPEN)
        self.next = 0
        self.waits = []
        self.normal = NormalDist(math.log(case.seconds) - SIGMA**2 / 2, SIGMA)

    def duration(self):
        # Of 0 there is no quantile.
        drawn = self.coming.random() or 0.5
        return self.case.seconds if self.case.fixed else math.exp(self.normal.inv_cdf(drawn))

    def choose(self, known, last):
        """A worker by what a front knows, for a turn whose conversation was served by `last`, or by nobody."""
        choice, places = self.case.choice, self.case.places
        if choice == "random":
            return int(self.chance.random() * len(known))
        if choice == "turn":
            self.next = (self.next + 1) % len(known)
            return self.next
        fewest = min(known)
        # A full worker keeps nobody while another has a place.
        if choice == "kept" and last is not None and (known[last] < places or fewest >= places):
            return last
        # Of several the next one by chance: the first in the list would have more than its share.
        least = [n for n, turns in enumerate(known) if turns == fewest]
        return least[int(self.chance.random() * len(least))] if len(least) > 1 else least[0]

    def until(self, now):
        """Ends what has ended by then, and begins what waited for that."""
        ends = self.ends
        while ends and ends[0][0] <= now:
            ended, n, known = heapq.heappop(ends)
            self.flight[n] -= 1
            if known is not self.flight:
                known[n] -= 1
            if self.lines[n]:
                arrived, duration, counting, by = self.lines[n].popleft()
                heapq.heappush(ends, (ended + duration, n, by))
                if counting:
                    self.waits.append(ended - arrived)

    def run(self, turns):
        """Counts that many turns, from when the workers are as full as they will be."""
        case, flight = self.case, self.flight
        rate = case.load * case.workers * case.places / case.seconds
        # A single front knows all there is.
        fronts = self.known if case.fronts > 1 else [flight]
        now, left, imbalances, moved, kept = 0.0, turns, 0.0, 0, 0
        while left:
            now -= math.log(1 - self.coming.random()) / rate
            self.until(now)
            counting = now > WARMING * case.seconds
            left -= counting
            at, last = self.conversation()
            duration = self.duration()
            known = fronts[int(self.chance.random() * len(fronts))] if len(fronts) > 1 else flight
            n = self.choose(known, last)
            if flight[n] < case.places:
                heapq.heappush(self.ends, (now + duration, n, known))
                if counting:
                    self.waits.append(0.0)
            else:
                self.lines[n].append((now, duration, counting, known))
            flight[n] += 1
            if known is not flight:
                known[n] += 1
            self.conversations[at] = n
            if counting:
                imbalances += max(flight) * case.workers / sum(flight)
                if last is not None:
                    kept += last == n
                    moved += last != n
        self.until(math.inf)
        return self.outcome(imbalances / turns, moved / max(moved + kept, 1))

    def conversation(self):
        """A turn's conversation: its place in the table, and the worker that served it last."""
        open_now = len(self.conversations)
        if not open_now or self.coming.random() < 1 / self.case.turns:
            self.conversations.append(None)
            return -1, None
        at = int(self.coming.random() * open_now)
        return at, self.conversations[at]

    def outcome(self, imbalance, moved):
        waits = sorted(self.waits)
        return Outcome(
            waiting=sum(wait > 0 for wait in waits) / len(waits),
            mean=sum(waits) / len(waits),
            p99=waits[int(len(waits) * 0.99)],
            imbalance=imbalance,
            moved=moved,
        )


def simulate(case, turns=TURNS, seed=1):
    """Runs a case once; the same seed gives the same numbers."""
    return Simulation(case, seed).run(turns)


def several(case, turns=TURNS, runs=RUNS):
    """Runs a case with the seeds from 1 on; gives the mean of each number, and that mean's standard error."""
    seen = [simulate(case, turns, seed) for seed in range(1, runs + 1)]

    def of(fold):
        return Outcome(**{name: fold([getattr(one, name) for one in seen]) for name in Outcome.__dataclass_fields__})

    spread = of(lambda numbers: statistics.stdev(numbers) / math.sqrt(runs) if runs > 1 else math.nan)
    return of(statistics.fmean), spread
