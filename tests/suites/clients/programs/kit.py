"""What the Python clients share: where the gateway is, the tools' work, and the one line that is the result."""

import json
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BASE_URL = os.environ["BASE_URL"]
API_KEY = os.environ["API_KEY"]
MODEL = "codex-5"

# Name, description and parameters of the tools that are given as plain JSON.
TOOLS = json.loads(Path(__file__).with_name("tools.json").read_text(encoding="utf-8"))
SYSTEM = "Use the tools. Grüße, 你好."
TASK = "Mix, read and add up."


def mix(label, value):
    return f"{label}:{(value * 31 + 7) % 1000003}"


def place_order(**_order):
    raise RuntimeError("nobody asked for an order")


def document(lines):
    """The text of about 400 kB."""
    return "".join(f'{line:06d}: "Grüße" \\ 😀 <&>\tend\n' for line in range(1, lines + 1))


def each_case(ask):
    """What `ask` returns, or raises, for each of the test's cases, all at once."""

    def one(case):
        return case["name"], ask(case)

    cases = json.loads(os.environ["CASES"])
    with ThreadPoolExecutor(len(cases)) as pool:
        return dict(pool.map(one, cases))


def prompt_of(case):
    return case["name"] + " " + "x" * case.get("padding", 0)


def told(error):
    """An exception as the test compares it."""
    body = getattr(error, "body", None)
    code = body.get("code") if isinstance(body, dict) else None
    return {"class": type(error).__name__, "status": getattr(error, "status_code", None), "code": code}


def run(scenarios):
    result = scenarios[sys.argv[1]]()
    sys.stdout.write(json.dumps(result) + "\n")


IMAGE = os.environ.get("IMAGE", "")
IMAGE_URL = "data:image/png;base64," + IMAGE


def prompt(feature):
    """The model knows what to do by the word behind the colon."""
    return f"feature:{feature} Go on."


def heard(line):
    """Waits until the test says this."""
    while sys.stdin.readline().strip() != line:
        pass


def features(table):
    """Goes through the features and prints a line for each. What a client doesn't have is a string that says why."""
    for name in json.loads(os.environ["FEATURES"]):
        found = table[name]
        if isinstance(found, str):
            line = {"feature": name, "not_offered": found}
        else:
            try:
                line = {"feature": name, "saw": found()}
            except Exception:
                line = {"feature": name, "failed": traceback.format_exc(limit=-2)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
