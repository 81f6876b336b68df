import unittest

from drilling.incidents import DAYS, INCIDENTS, MINUTES, NOT_MADE
from drilling.watches import FACTOR, SCALES, SHORTEST, watch, windows


class Windows(unittest.TestCase):
    def test_none_is_a_blink_of_an_eye(self):
        found = windows()
        self.assertGreater(len(found), 30)
        for alert, lengths in found.items():
            if alert not in NOT_MADE:
                self.assertTrue(lengths, alert)
            for length in lengths:
                self.assertGreaterEqual(length / (FACTOR * SCALES[watch(alert)]), SHORTEST, alert)

    def test_recorded_windows_count(self):
        self.assertIn(30 * 60_000, windows()["CodexSloBurnMedium"])
        self.assertEqual(windows()["CodexErrorRateCritical"], {5 * 60_000})

    def test_names_are_those_of_the_rules(self):
        alerts = set(windows())
        self.assertLessEqual({*MINUTES, *DAYS, *NOT_MADE}, alerts)
        made = {alert for incident in INCIDENTS for alert in incident.alerts}
        self.assertEqual(made | set(NOT_MADE) | {"CodexTargetMissing"}, alerts)


if __name__ == "__main__":
    unittest.main()
