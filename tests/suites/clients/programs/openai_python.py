"""The official Python SDK."""

import json

from kit import API_KEY, BASE_URL, MODEL, SYSTEM, TASK, TOOLS, document, each_case, mix, prompt_of, run, told
from openai import OpenAI, OpenAIError, pydantic_function_tool
from pydantic import BaseModel, ConfigDict, Field

from trip import Trip

client = OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)


def ask(text):
    return [{"role": "user", "content": text}]


def usage_of(usage):
    return {
        "input": usage.prompt_tokens,
        "output": usage.completion_tokens,
        "total": usage.total_tokens,
        "cached": usage.prompt_tokens_details.cached_tokens,
        "reasoning": usage.completion_tokens_details.reasoning_tokens,
    }


def plain():
    whole = client.chat.completions.create(model=MODEL, messages=ask("plain"))
    texts, finish, usage = [], None, None
    stream = client.chat.completions.create(
        model=MODEL, messages=ask("plain"), stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        if chunk.usage:
            usage = usage_of(chunk.usage)
        for choice in chunk.choices:
            texts.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    choice = whole.choices[0]
    return {
        "whole": {
            "text": choice.message.content,
            "finish": choice.finish_reason,
            "usage": usage_of(whole.usage),
        },
        "stream": {"text": "".join(texts), "finish": finish, "usage": usage},
    }


def slow():
    stream = client.chat.completions.create(model=MODEL, messages=ask("slow"), stream=True)
    texts = [choice.delta.content for chunk in stream for choice in chunk.choices]
    return {"texts": [text for text in texts if text]}


class Document(BaseModel):
    """A long document."""

    model_config = ConfigDict(title="document")
    lines: int = Field(description="How many lines.")


def agent(complete):
    """The loop that the SDK's documentation shows: it has no runner of its own for chat completions."""
    functions = {"mix": mix, "document": document}
    tools = [{"type": "function", "function": tool} for tool in TOOLS]
    tools.append(pydantic_function_tool(Document, name="document"))
    messages = [{"role": "system", "content": SYSTEM}, *ask(TASK)]
    calls = 0
    while True:
        message = complete(model=MODEL, messages=messages, tools=tools).choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": calls}
        messages.append(message)
        for call in message.tool_calls:
            output = functions[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": output})
            calls += 1


def streamed(**request):
    with client.chat.completions.stream(**request) as stream:
        for _event in stream:
            pass
        return stream.get_final_completion()


def structured():
    request = {"model": MODEL, "messages": ask("structured"), "response_format": Trip}
    whole = client.chat.completions.parse(**request)
    found = [completion.choices[0].message.parsed for completion in (whole, streamed(**request))]
    return {"objects": [trip.model_dump(mode="json") for trip in found]}


def one_error(case):
    own = client.with_options(
        api_key=case.get("key", API_KEY), max_retries=case.get("retries", 1)
    )
    request = {"model": case.get("model", MODEL), "messages": ask(prompt_of(case))}
    texts = []
    try:
        if case["stream"]:
            for chunk in own.chat.completions.create(**request, stream=True):
                texts += [choice.delta.content or "" for choice in chunk.choices]
        else:
            texts.append(own.chat.completions.create(**request).choices[0].message.content)
    except OpenAIError as error:
        return {**told(error), "text": "".join(texts)}
    return {"text": "".join(texts)}


run(
    {
        "plain": plain,
        "slow": slow,
        "agent": lambda: agent(client.chat.completions.create),
        "agent-stream": lambda: agent(streamed),
        "structured": structured,
        "errors": lambda: each_case(one_error),
    }
)
