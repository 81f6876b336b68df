"""LangChain's model for chat completions and its agent, feature by feature."""

from kit import API_KEY, BASE_URL, MODEL, TOOLS, features, heard, prompt, told
import kit

from langchain.agents import create_agent
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI
from openai import OpenAIError

from trip import Trip


def model_of(**settings):
    usual = {"model": MODEL, "base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "use_responses_api": False}
    return ChatOpenAI(**{**usual, **settings})


def counts(message):
    usage = message.usage_metadata
    return {
        "input": usage["input_tokens"],
        "output": usage["output_tokens"],
        "total": usage["total_tokens"],
        "cached": usage["input_token_details"]["cache_read"],
        "reasoning": usage["output_token_details"]["reasoning"],
    }


def stream():
    texts = [chunk.text for chunk in model_of().stream(prompt("stream"))]
    return {"texts": [text for text in texts if text]}


def tools(feature):
    calls = 0

    def counted(**arguments):
        nonlocal calls
        calls += 1
        return kit.mix(**arguments)

    tool = TOOLS[0]
    mix = StructuredTool(
        name=tool["name"], description=tool["description"], args_schema=tool["parameters"], func=counted
    )
    state = create_agent(model_of(), [mix]).invoke({"messages": [{"role": "user", "content": prompt(feature)}]})
    return {"text": state["messages"][-1].text, "calls": calls}


def structured():
    model = model_of().with_structured_output(Trip)
    found = [model.invoke(prompt("structured")), list(model.stream(prompt("structured")))[-1]]
    return {"objects": [trip.model_dump(mode="json") for trip in found]}


def images():
    parts = [
        {"type": "text", "text": prompt("images")},
        {"type": "image", "base64": kit.IMAGE, "mime_type": "image/png"},
    ]
    return {"text": model_of().invoke([{"role": "user", "content": parts}]).text}


def usage():
    whole = model_of().invoke(prompt("usage"))
    added = None
    for chunk in model_of(stream_usage=True).stream(prompt("usage")):
        added = chunk if added is None else added + chunk
    return {"whole": counts(whole), "stream": counts(added)}


def errors():
    try:
        model_of().invoke(prompt("errors"))
    except OpenAIError as error:
        return told(error)


def cancellation():
    chunks = model_of().stream(prompt("cancellation"))
    for chunk in chunks:
        if chunk.text:
            break
    chunks.close()
    heard("gone")
    return {}


features(
    {
        "plain": lambda: {"text": model_of().invoke(prompt("plain")).text},
        "stream": stream,
        "tools": lambda: tools("tools"),
        "parallel": lambda: tools("parallel"),
        "structured": structured,
        "images": images,
        "usage": usage,
        "errors": errors,
        "retries": lambda: {"text": model_of(max_retries=2).invoke(prompt("retries")).text},
        "cancellation": cancellation,
    }
)
