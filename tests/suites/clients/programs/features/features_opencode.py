"""opencode without its screen (`opencode run`), feature by feature. Its tools are its own: it reads files."""

import base64
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from kit import API_KEY, BASE_URL, IMAGE, MODEL, features, heard, mix, prompt

home = Path(tempfile.mkdtemp())
work = home / "work"
work.mkdir()
# What the caller's function would have answered is in files.
for label, value in (("a", 1), ("b", 38), ("c", 2), ("d", 3)):
    (work / f"{label}.txt").write_text(mix(label, value) + "\n")
(work / "dot.png").write_bytes(base64.b64decode(IMAGE))

CONFIG = {
    "provider": {
        "gateway": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": BASE_URL, "apiKey": API_KEY},
            "models": {
                MODEL: {
                    "attachment": True,
                    "tool_call": True,
                    "modalities": {"input": ["text", "image"], "output": ["text"]},
                    "limit": {"context": 200000, "output": 8000},
                }
            },
        }
    },
    "model": f"gateway/{MODEL}",
    "small_model": f"gateway/{MODEL}",
    # It would ask for a title of each conversation.
    "agent": {"title": {"disable": True}},
    "share": "disabled",
    "autoupdate": False,
}


def command(text, *options):
    """Nothing goes out, and nothing is kept."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "HOME": str(home),
        "OPENCODE_CONFIG_CONTENT": json.dumps(CONFIG),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        "OPENCODE_DISABLE_SHARE": "1",
    }
    for name in ("CONFIG", "CACHE", "DATA", "STATE"):
        environment[f"XDG_{name}_HOME"] = str(home / name.lower())
    return subprocess.Popen(
        [os.environ["OPENCODE"], "run", "--format", "json", "--title", "test", text, *options],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


def events(feature, *options):
    with command(f"{prompt(feature)} folder:{work}", *options) as process:
        return [json.loads(line) for line in process.stdout]


def parts(found, kind):
    return [event["part"] for event in found if event["type"] == kind]


def text_of(found):
    texts = parts(found, "text")
    assert texts, found
    return texts[-1]["text"]


def tools(feature):
    found = events(feature)
    return {"text": text_of(found), "calls": len(parts(found, "tool_use"))}


def usage():
    tokens = parts(events("usage"), "step_finish")[-1]["tokens"]
    cached = tokens["cache"]["read"]
    reasoning = tokens["reasoning"]
    # It shows what is beside these two.
    counted = {"input": tokens["input"] + cached, "output": tokens["output"] + reasoning}
    return {"stream": {**counted, "total": tokens.get("total"), "cached": cached, "reasoning": reasoning}}


def errors():
    error = [event["error"] for event in events("errors") if event["type"] == "error"][-1]
    data = error["data"]
    body = json.loads(data.get("responseBody") or "{}")
    return {"class": error["name"], "status": data.get("statusCode"), "code": body.get("error", {}).get("code")}


def cancellation():
    process = command(prompt("cancellation"))
    heard("begun")
    process.send_signal(signal.SIGINT)
    process.wait()
    heard("gone")
    return {}


features(
    {
        "plain": lambda: {"text": text_of(events("plain"))},
        "stream": lambda: {"texts": [part["text"] for part in parts(events("stream"), "text")]},
        "tools": lambda: tools("tools"),
        "parallel": lambda: tools("parallel"),
        "structured": "`opencode run` has no such option",
        "images": lambda: {"text": text_of(events("images", "--file", str(work / "dot.png")))},
        "usage": usage,
        "errors": errors,
        "retries": lambda: {"text": text_of(events("retries"))},
        "cancellation": cancellation,
    }
)
