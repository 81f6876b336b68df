"""`python3 -m unittest discover -s scripts` runs these."""

import unittest

from drilling.durations import compressed, document, expression, milliseconds


class Durations(unittest.TestCase):
    def test_lengths(self):
        self.assertEqual(milliseconds("1h30m"), 5_400_000)
        self.assertEqual(milliseconds("250ms"), 250)
        for bad in ("", "5", "5 m", "m", "5x", "1.5h"):
            with self.assertRaises(ValueError):
                milliseconds(bad)
        self.assertEqual(compressed("3d", 240), "1080000ms")
        self.assertEqual(compressed("1ms", 240), "1ms")
        self.assertEqual(compressed("15s", 240, 200), "200ms")

    def test_expressions(self):
        for given, wanted in (
            ("rate(x[5m])", "rate(x[5000ms])"),
            ("max_over_time(rate(x[5m])[1h:30s])", "max_over_time(rate(x[5000ms])[60000ms:500ms])"),
            ("x offset 1h", "x offset 60000ms"),
            ("x offset -1h", "x offset -60000ms"),
            ("codex:http_error_ratio:rate5m > 14.4 * 0.001", "codex:http_error_ratio:rate5m > 14.4 * 0.001"),
            ('x{le="5m",a="[5m]"}[5m]', 'x{le="5m",a="[5m]"}[5000ms]'),
            ("x > 5e3 and y{i='[1h]'} == 2", "x > 5e3 and y{i='[1h]'} == 2"),
        ):
            self.assertEqual(expression(given, 60), wanted)

    def test_documents(self):
        given = (
            "groups:\n  - name: a\n    interval: 1m\n    rules:\n      - alert: B\n        # over [5m]: 5m\n"
            "        expr: rate(x[5m]) > 5\n        for: 10m\n        annotations:\n"
            '          threshold: "over 5 in [5m], for: 10m"\n      - record: c:rate5m\n        expr: |\n'
            "          rate(y[1h])\n            / rate(z[1h])\n      - record: d\n        expr: vector(5)\n"
        )
        wanted = given.replace("interval: 1m", "interval: 1000ms").replace("rate(x[5m])", "rate(x[5000ms])")
        wanted = wanted.replace("        for: 10m\n", "        for: 10000ms\n").replace("[1h]", "[60000ms]")
        self.assertEqual(document(given, 60), wanted)
        self.assertEqual(document("global:\n  scrape_interval: 15s\n", 240), "global:\n  scrape_interval: 500ms\n")


if __name__ == "__main__":
    unittest.main()
