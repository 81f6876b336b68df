"""The simulation: against what is known of waiting lines, and what the choice of a worker must do."""

import math
import unittest

from .scaling.balance import CHOICES, SIGMA, Case, Simulation, several, simulate

#: Seconds of a turn, in all cases.
SECONDS = 20.0


def erlang(places, load):
    """The part of turns that wait, where durations are exponential (Erlang's C): the classic of such lines."""
    refused = 1.0
    for n in range(1, places + 1):
        # Of a place more, where nobody waits (Erlang's B).
        refused = places * load * refused / (n + places * load * refused)
    return refused / (1 - load * (1 - refused))


class OneWorker(unittest.TestCase):
    def test_a_line_of_one_place_is_as_the_formula_of_pollaczek_and_khinchine_has_it(self):
        for load in (0.3, 0.5):
            for fixed, spread in ((True, 0.0), (False, math.exp(SIGMA**2) - 1)):
                with self.subTest(load=load, fixed=fixed):
                    seen = simulate(Case(1, 1, load, "least", SECONDS, fixed=fixed), turns=60_000)
                    known = load * SECONDS / (1 - load) * (1 + spread) / 2
                    self.assertLess(abs(seen.mean / known - 1), 0.12, f"{seen.mean} for {known}")
                    # Whoever comes finds the place taken as often as it is.
                    self.assertLess(abs(seen.waiting - load), 0.02)

    def test_of_many_places_few_are_waited_for(self):
        seen, error = several(Case(1, 16, 0.8, "least", SECONDS), turns=20_000, runs=8)
        self.within(seen.waiting, error.waiting, erlang(16, 0.8))
        self.assertEqual((seen.imbalance, seen.moved), (1.0, 0.0))

    def within(self, seen, error, known):
        # Erlang's durations are exponential; ours change this a little.
        self.assertLess(abs(seen - known), 4 * error + 0.02, f"{seen} ± {error} for {known}")
        self.assertLess(error, 0.02)


class ManyWorkers(unittest.TestCase):
    def seen(self, choice, load=0.9, **more):
        return simulate(Case(4, 16, load, choice, SECONDS, **more), turns=20_000)

    def test_by_chance_each_worker_is_a_line_of_its_own(self):
        for workers in (2, 4):
            with self.subTest(workers=workers):
                seen, error = several(Case(workers, 16, 0.8, "random", SECONDS), turns=20_000, runs=8)
                OneWorker.within(self, seen.waiting, error.waiting, erlang(16, 0.8))

    def test_fewest_in_flight_is_nearly_one_line_for_all(self):
        seen, error = several(Case(4, 16, 0.9, "least", SECONDS), turns=20_000, runs=8)
        OneWorker.within(self, seen.waiting, error.waiting, erlang(64, 0.9))
        self.assertLess(seen.imbalance, 1.1)

    def test_what_knows_more_has_fewer_wait(self):
        chance, turn, least = (self.seen(choice) for choice in ("random", "turn", "least"))
        self.assertGreater(chance.mean, 1.2 * turn.mean)
        self.assertGreater(turn.mean, 2 * least.mean)
        self.assertGreater(chance.imbalance, turn.imbalance)
        self.assertGreater(turn.imbalance, least.imbalance)

    def test_of_several_fronts_each_counts_its_own(self):
        one, several_fronts = self.seen("least"), self.seen("least", fronts=8)
        self.assertGreater(several_fronts.mean, 1.2 * one.mean)
        self.assertGreater(several_fronts.imbalance, one.imbalance)
        self.assertLess(several_fronts.mean, self.seen("random").mean)

    def test_in_turn_each_has_as_many(self):
        simulation = Simulation(Case(3, 50, 0.1, "turn"), 1)
        self.assertEqual([simulation.choose([0] * 3, None) for _ in range(6)], [1, 2, 0, 1, 2, 0])

    def test_a_conversation_stays_while_its_worker_has_room(self):
        seen = self.seen("kept", load=0.2)
        self.assertEqual((seen.moved, seen.waiting), (0.0, 0.0))
        self.assertGreater(self.seen("least", load=0.2).moved, 0.6)

    def test_one_that_is_full_keeps_nobody_while_another_has_room(self):
        full, least = self.seen("kept", load=0.95), self.seen("least", load=0.95)
        self.assertGreater(full.moved, 0.05)
        self.assertLess(full.moved, 0.6)
        self.assertLess(full.mean, 1.5 * least.mean + 0.1)

    def test_the_rule_is_the_fronts(self):
        """`a_conversation_stays_while_its_worker_can_take_it` of http-front/src/daemon/balance.rs."""
        simulation = Simulation(Case(2, 4, 0.5, "kept"), 1)
        self.assertEqual(simulation.choose([0, 3], 1), 1)
        self.assertEqual(simulation.choose([0, 4], 1), 0)
        self.assertEqual(simulation.choose([4, 4], 1), 1)
        self.assertEqual(simulation.choose([4, 5], 1), 1)
        self.assertEqual(simulation.choose([2, 1], None), 1)


class Itself(unittest.TestCase):
    def test_the_same_seed_is_the_same_run(self):
        case = Case(2, 8, 0.8, "kept")
        self.assertEqual(simulate(case, 2000, seed=7), simulate(case, 2000, seed=7))
        self.assertNotEqual(simulate(case, 2000, seed=7), simulate(case, 2000, seed=8))

    def test_several_are_the_mean_of_each(self):
        case = Case(2, 8, 0.8, "random")
        seen, error = several(case, turns=1000, runs=2)
        one, two = (simulate(case, 1000, seed) for seed in (1, 2))
        self.assertAlmostEqual(seen.waiting, (one.waiting + two.waiting) / 2)
        self.assertAlmostEqual(error.waiting, abs(one.waiting - two.waiting) / 2)

    def test_no_place_is_lost_or_made(self):
        for choice in CHOICES:
            for fronts in (1, 3):
                with self.subTest(choice=choice, fronts=fronts):
                    simulation = Simulation(Case(3, 5, 0.95, choice, fronts=fronts), 1)
                    simulation.run(5000)
                    self.assertEqual((simulation.flight, simulation.known), ([0] * 3, [[0] * 3] * fronts))
                    self.assertFalse(simulation.ends or any(simulation.lines))
                    self.assertEqual(len(simulation.waits), 5000)


if __name__ == "__main__":
    unittest.main()
