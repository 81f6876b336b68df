"""LiteLLM's `completion`, feature by feature."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import openai
from kit import API_KEY, BASE_URL, IMAGE_URL, MODEL, TOOLS, features, heard, mix, prompt, told

from trip import Trip

litellm.telemetry = False
litellm.suppress_debug_info = True


def ask(feature, **settings):
    usual = {
        "model": f"openai/{MODEL}",
        "api_base": BASE_URL,
        "api_key": API_KEY,
        "max_retries": 0,
        "messages": [{"role": "user", "content": prompt(feature)}],
    }
    return litellm.completion(**{**usual, **settings})


def text_of(completion):
    return completion.choices[0].message.content


def texts_of(chunks):
    for chunk in chunks:
        for choice in chunk.choices:
            if choice.delta.content:
                yield choice.delta.content


def counts(usage):
    return {
        "input": usage.prompt_tokens,
        "output": usage.completion_tokens,
        "total": usage.total_tokens,
        "cached": usage.prompt_tokens_details.cached_tokens,
        "reasoning": usage.completion_tokens_details.reasoning_tokens,
    }


def tools(feature):
    messages = [{"role": "user", "content": prompt(feature)}]
    declared = [{"type": "function", "function": tool} for tool in TOOLS]
    calls = 0
    while True:
        message = ask(feature, messages=messages, tools=declared).choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": calls}
        messages.append(message)
        for call in message.tool_calls:
            output = mix(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": output})
            calls += 1


def structured():
    whole = text_of(ask("structured", response_format=Trip))
    streamed = "".join(texts_of(ask("structured", response_format=Trip, stream=True)))
    return {"objects": [Trip.model_validate_json(text).model_dump(mode="json") for text in (whole, streamed)]}


def images():
    parts = [
        {"type": "text", "text": prompt("images")},
        {"type": "image_url", "image_url": {"url": IMAGE_URL}},
    ]
    return {"text": text_of(ask("images", messages=[{"role": "user", "content": parts}]))}


def usage():
    whole = ask("usage").usage
    chunks = list(ask("usage", stream=True, stream_options={"include_usage": True}))
    return {"whole": counts(whole), "stream": counts([c.usage for c in chunks if getattr(c, "usage", None)][-1])}


def errors():
    try:
        ask("errors")
    except openai.OpenAIError as error:
        return told(error)


def cancellation():
    chunks = ask("cancellation", stream=True)
    next(texts_of(chunks))
    chunks.completion_stream.close()
    heard("gone")
    return {}


features(
    {
        "plain": lambda: {"text": text_of(ask("plain"))},
        "stream": lambda: {"texts": list(texts_of(ask("stream", stream=True)))},
        "tools": lambda: tools("tools"),
        "parallel": lambda: tools("parallel"),
        "structured": structured,
        "images": images,
        "usage": usage,
        "errors": errors,
        "retries": lambda: {"text": text_of(ask("retries", max_retries=2))},
        "cancellation": cancellation,
    }
)
