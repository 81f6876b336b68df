"""Pydantic AI's agent with its model for chat completions, feature by feature."""

import asyncio
import base64

import kit
from kit import API_KEY, BASE_URL, MODEL, features, heard, prompt
from openai import AsyncOpenAI
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from trip import Trip


def agent_of(retries=0, **settings):
    client = AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=retries)
    return Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)), **settings)


async def text_of(feature, **settings):
    return {"text": (await agent_of(**settings).run(prompt(feature))).output}


def counts(usage):
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "total": usage.total_tokens,
        "cached": usage.cache_read_tokens,
        "reasoning": usage.output_reasoning_tokens,
    }


async def stream():
    async with agent_of().run_stream(prompt("stream")) as result:
        return {"texts": [text async for text in result.stream_text(delta=True, debounce_by=None)]}


async def tools(feature):
    agent = agent_of()
    calls = 0

    @agent.tool_plain
    def mix(label: str, value: int) -> str:
        """Mixes a number."""
        nonlocal calls
        calls += 1
        return kit.mix(label, value)

    result = await agent.run(prompt(feature))
    return {"text": result.output, "calls": calls}


async def structured():
    found = []
    for kind in (Trip, NativeOutput(Trip)):
        agent = agent_of(output_type=kind)
        found.append((await agent.run(prompt("structured"))).output)
        async with agent.run_stream(prompt("structured")) as result:
            found.append(await result.get_output())
    return {"objects": [trip.model_dump(mode="json") for trip in found]}


async def images():
    image = BinaryContent(data=base64.b64decode(kit.IMAGE), media_type="image/png")
    return {"text": (await agent_of().run([prompt("images"), image])).output}


async def usage():
    whole = await agent_of().run(prompt("usage"))
    async with agent_of().run_stream(prompt("usage")) as streamed:
        await streamed.get_output()
    return {"whole": counts(whole.usage), "stream": counts(streamed.usage)}


async def errors():
    try:
        await agent_of().run(prompt("errors"))
    except AgentRunError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return {"class": type(error).__name__, "status": error.status_code, "code": body.get("code")}


async def cancellation():
    async with agent_of().run_stream(prompt("cancellation")) as result:
        async for _text in result.stream_text(delta=True, debounce_by=None):
            break
        await result.cancel()
    await asyncio.to_thread(heard, "gone")
    return {}


def waited(feature, *arguments, **settings):
    return lambda: asyncio.run(feature(*arguments, **settings))


features(
    {
        "plain": waited(text_of, "plain"),
        "stream": waited(stream),
        "tools": waited(tools, "tools"),
        "parallel": waited(tools, "parallel"),
        "structured": waited(structured),
        "images": waited(images),
        "usage": waited(usage),
        "errors": waited(errors),
        "retries": waited(text_of, "retries", retries=2),
        "cancellation": waited(cancellation),
    }
)
