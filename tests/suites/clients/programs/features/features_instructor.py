"""instructor around the official SDK, feature by feature."""

from typing import Literal

import instructor
from kit import API_KEY, BASE_URL, IMAGE_URL, MODEL, features, heard, prompt, told
from openai import OpenAI

from trip import Trip


class StreamedTrip(Trip):
    """What is streamed is checked as Python's objects, where a string is no member of an enum."""

    kind: Literal["work", "pleasure"]


def client_of(mode=instructor.Mode.TOOLS, retries=0):
    return instructor.from_openai(OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=retries), mode=mode)


def ask(feature, response_model=None, **settings):
    message = {"role": "user", "content": prompt(feature)}
    return {"model": MODEL, "response_model": response_model, "messages": [message], **settings}


def text_of(completion):
    return completion.choices[0].message.content


def counts(usage):
    return {
        "input": usage.prompt_tokens,
        "output": usage.completion_tokens,
        "total": usage.total_tokens,
        "cached": usage.prompt_tokens_details.cached_tokens,
        "reasoning": usage.completion_tokens_details.reasoning_tokens,
    }


def stream(feature, **settings):
    return client_of().create(**ask(feature, stream=True, **settings))


def structured():
    found = []
    for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
        found.append(client_of(mode).create(**ask("structured", Trip)))
        found.append(list(client_of(mode).create_partial(**ask("structured", StreamedTrip)))[-1])
    return {"objects": [trip.model_dump(mode="json") for trip in found]}


def images():
    parts = [
        {"type": "text", "text": prompt("images")},
        {"type": "image_url", "image_url": {"url": IMAGE_URL}},
    ]
    request = ask("images", messages=[{"role": "user", "content": parts}])
    return {"text": text_of(client_of().create(**request))}


def usage():
    whole = client_of().create(**ask("usage"))
    chunks = list(stream("usage", stream_options={"include_usage": True}))
    return {"whole": counts(whole.usage), "stream": counts(chunks[-1].usage)}


def errors():
    try:
        client_of().create(**ask("errors", Trip))
    except Exception as error:
        return told(error)


def cancellation():
    chunks = stream("cancellation")
    for chunk in chunks:
        if chunk.choices[0].delta.content:
            break
    chunks.close()
    heard("gone")
    return {}


features(
    {
        "plain": lambda: {"text": text_of(client_of().create(**ask("plain")))},
        "stream": lambda: {
            "texts": [
                choice.delta.content for chunk in stream("stream") for choice in chunk.choices if choice.delta.content
            ]
        },
        "tools": "a call is the object that it gives, and nothing is sent back",
        "parallel": "the same",
        "structured": structured,
        "images": images,
        "usage": usage,
        "errors": errors,
        "retries": lambda: {"text": text_of(client_of(retries=2).create(**ask("retries")))},
        "cancellation": cancellation,
    }
)
