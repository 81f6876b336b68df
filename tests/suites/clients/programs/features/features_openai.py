"""The official Python SDK, feature by feature; the same for both majors."""

import json

from kit import API_KEY, BASE_URL, IMAGE_URL, MODEL, TOOLS, features, heard, mix, prompt, told
from openai import OpenAI, OpenAIError

from trip import Trip

client = OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)
completions = client.chat.completions


def ask(feature):
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt(feature)}]}


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


def stream():
    chunks = completions.create(**ask("stream"), stream=True)
    return {"texts": [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]}


def tools(feature):
    """The loop of the SDK's documentation."""
    request = ask(feature)
    declared = [{"type": "function", "function": tool} for tool in TOOLS]
    calls = 0
    while True:
        message = completions.create(**request, tools=declared).choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": calls}
        request["messages"].append(message)
        for call in message.tool_calls:
            output = mix(**json.loads(call.function.arguments))
            request["messages"].append({"role": "tool", "tool_call_id": call.id, "content": output})
            calls += 1


def structured():
    whole = completions.parse(**ask("structured"), response_format=Trip)
    with completions.stream(**ask("structured"), response_format=Trip) as events:
        for _event in events:
            pass
        streamed = events.get_final_completion()
    found = [completion.choices[0].message.parsed for completion in (whole, streamed)]
    return {"objects": [trip.model_dump(mode="json") for trip in found]}


def images():
    request = ask("images")
    parts = [
        {"type": "text", "text": prompt("images")},
        {"type": "image_url", "image_url": {"url": IMAGE_URL}},
    ]
    request["messages"][0]["content"] = parts
    return {"text": text_of(completions.create(**request))}


def usage():
    whole = completions.create(**ask("usage")).usage
    chunks = completions.create(**ask("usage"), stream=True, stream_options={"include_usage": True})
    streamed = [chunk.usage for chunk in chunks if chunk.usage]
    return {"whole": counts(whole), "stream": counts(streamed[-1])}


def errors():
    try:
        completions.create(**ask("errors"))
    except OpenAIError as error:
        return told(error)


def retries():
    patient = client.with_options(max_retries=2)
    return {"text": text_of(patient.chat.completions.create(**ask("retries")))}


def cancellation():
    chunks = completions.create(**ask("cancellation"), stream=True)
    for chunk in chunks:
        if chunk.choices[0].delta.content:
            break
    chunks.close()
    heard("gone")
    return {}


features(
    {
        "plain": lambda: {"text": text_of(completions.create(**ask("plain")))},
        "stream": stream,
        "tools": lambda: tools("tools"),
        "parallel": lambda: tools("parallel"),
        "structured": structured,
        "images": images,
        "usage": usage,
        "errors": errors,
        "retries": retries,
        "cancellation": cancellation,
    }
)
