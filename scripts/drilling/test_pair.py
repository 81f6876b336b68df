import json
import time
import unittest

from drilling import processes
from drilling.pair import Given, TOGGLE_SECONDS


class Told(Given):
    """Notes what is sent; says what a toggle was."""

    def __init__(self, before):
        super().__init__("http://public", "http://internal", "key")
        self.before, self.sent = before, []

    def request(self, method, url, body=None, headers=None, limit=30):
        self.sent.append((method, body))
        return 200, json.dumps(self.before).encode()


class Toggles(unittest.TestCase):
    def test_a_toggle_ends_by_itself_and_is_removed(self):
        pair = Told({"enabled": False, "source": "variable"})
        with pair.toggled("maintenance", {"enabled": True}):
            method, body = pair.sent[-1]
            self.assertEqual(method, "PUT")
            self.assertLessEqual(body["until"], time.time() + TOGGLE_SECONDS + 1)
        self.assertEqual(pair.sent[-1], ("DELETE", None))

    def test_a_toggle_that_was_there_is_set_again(self):
        pair = Told({"enabled": True, "source": "toggle", "message": "Theirs.", "retry_after_s": 60})
        with self.assertRaises(KeyError):
            with pair.toggled("maintenance", {"enabled": True}):
                raise KeyError
        self.assertEqual(pair.sent[-1], ("PUT", {"enabled": True, "message": "Theirs.", "retry_after_s": 60}))


class Interrupts(unittest.TestCase):
    def test_a_wait_ends_at_once(self):
        processes.interrupted.set()
        self.addCleanup(processes.interrupted.clear)
        with self.assertRaises(processes.Failure):
            processes.until(600, "nothing", lambda: False)


if __name__ == "__main__":
    unittest.main()
