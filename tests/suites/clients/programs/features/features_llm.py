"""LLM with a model of `extra-openai-models.yaml`, feature by feature: its library, and its command where one sits."""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)

import kit
from kit import API_KEY, BASE_URL, MODEL, features, heard, prompt, told

(folder / "extra-openai-models.yaml").write_text(
    json.dumps(
        [
            {
                "model_id": "gateway",
                "model_name": MODEL,
                "api_base": BASE_URL,
                "api_key_name": "gateway",
                "supports_schema": True,
                "supports_tools": True,
                "vision": True,
            }
        ]
    )
)
(folder / "keys.json").write_text(json.dumps({"gateway": API_KEY}))

import llm
from openai import OpenAIError

from trip import Trip

model = llm.get_model("gateway")


def command(feature):
    return subprocess.Popen(
        [sys.executable, "-m", "llm", "-m", "gateway", "--no-log", prompt(feature)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        # It leaves what it prints into a pipe in a buffer.
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def plain():
    with command("plain") as process:
        text = process.stdout.read().decode()
    # The command ends its output with a line end of its own.
    return {"text": text.removesuffix("\n")}


def tools(feature):
    calls = 0

    def mix(label: str, value: int) -> str:
        """Mixes a number."""
        nonlocal calls
        calls += 1
        return kit.mix(label, value)

    return {"text": model.chain(prompt(feature), tools=[mix]).text(), "calls": calls}


def structured():
    texts = [model.prompt(prompt("structured"), schema=Trip, stream=stream).text() for stream in (False, True)]
    return {"objects": [Trip.model_validate_json(text).model_dump(mode="json") for text in texts]}


def images():
    image = llm.Attachment(type="image/png", content=base64.b64decode(kit.IMAGE))
    return {"text": model.prompt(prompt("images"), attachments=[image]).text()}


def usage():
    def counts(stream):
        response = model.prompt(prompt("usage"), stream=stream)
        response.text()
        usage = response.usage()
        details = usage.details or {}
        return {
            "input": usage.input,
            "output": usage.output,
            "cached": details.get("prompt_tokens_details", {}).get("cached_tokens"),
            "reasoning": details.get("completion_tokens_details", {}).get("reasoning_tokens"),
        }

    return {"whole": counts(False), "stream": counts(True)}


def errors():
    try:
        model.prompt(prompt("errors")).text()
    except OpenAIError as error:
        return told(error)


def cancellation():
    process = command("cancellation")
    assert process.stdout.read(1), "it printed nothing"
    process.send_signal(signal.SIGINT)
    process.wait()
    heard("gone")
    return {}


features(
    {
        "plain": plain,
        "stream": lambda: {"texts": list(model.prompt(prompt("stream")))},
        "tools": lambda: tools("tools"),
        "parallel": lambda: tools("parallel"),
        "structured": structured,
        "images": images,
        "usage": usage,
        "errors": errors,
        "retries": lambda: {"text": model.prompt(prompt("retries")).text()},
        "cancellation": cancellation,
    }
)
