"""LangChain's model for chat completions and its agent."""

from kit import API_KEY, BASE_URL, MODEL, SYSTEM, TASK, TOOLS, each_case, prompt_of, run, told
import kit

from langchain.agents import create_agent
from langchain_core.tools import StructuredTool, tool
from langchain_openai import ChatOpenAI
from openai import OpenAIError

from trip import Trip


def model_of(**settings):
    # A model whose name has "codex" in it is asked through the Responses API, unless one says otherwise.
    usual = {"model": MODEL, "base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "use_responses_api": False}
    return ChatOpenAI(**{**usual, **settings})


def usage_of(usage):
    return {
        "input": usage["input_tokens"],
        "output": usage["output_tokens"],
        "total": usage["total_tokens"],
        "cached": usage["input_token_details"]["cache_read"],
        "reasoning": usage["output_token_details"]["reasoning"],
    }


def message_of(message):
    return {
        "text": message.text,
        "finish": message.response_metadata["finish_reason"],
        "usage": usage_of(message.usage_metadata),
    }


def plain():
    whole = model_of().invoke("plain")
    added = None
    for chunk in model_of(stream_usage=True).stream("plain"):
        added = chunk if added is None else added + chunk
    return {"whole": message_of(whole), "stream": message_of(added)}


def slow():
    texts = [chunk.text for chunk in model_of().stream("slow")]
    return {"texts": [text for text in texts if text]}


@tool
def document(lines: int) -> str:
    """A long document."""
    return kit.document(lines)


def agent(streaming):
    calls = 0

    def counted(work):
        def call(**arguments):
            nonlocal calls
            calls += 1
            return work(**arguments)

        return call

    tools = [
        StructuredTool(
            name=plain_tool["name"],
            description=plain_tool["description"],
            args_schema=plain_tool["parameters"],
            func=counted(getattr(kit, plain_tool["name"])),
        )
        for plain_tool in TOOLS
    ]
    document.func = counted(document.func)
    graph = create_agent(model_of(streaming=streaming), [*tools, document], system_prompt=SYSTEM)
    task = {"messages": [{"role": "user", "content": TASK}]}
    if not streaming:
        state = graph.invoke(task)
    else:
        for mode, part in graph.stream(task, stream_mode=["messages", "values"]):
            state = part if mode == "values" else None
    return {"text": state["messages"][-1].text, "calls": calls}


def structured():
    model = model_of().with_structured_output(Trip)
    found = [model.invoke("structured"), list(model.stream("structured"))[-1]]
    return {"objects": [trip.model_dump(mode="json") for trip in found]}


def one_error(case):
    model = model_of(
        model=case.get("model", MODEL),
        api_key=case.get("key", API_KEY),
        max_retries=case.get("retries", 1),
    )
    texts = []
    try:
        if case["stream"]:
            for chunk in model.stream(prompt_of(case)):
                texts.append(chunk.text)
        else:
            texts.append(model.invoke(prompt_of(case)).text)
    except OpenAIError as error:
        return {**told(error), "text": "".join(texts)}
    return {"text": "".join(texts)}


run(
    {
        "plain": plain,
        "slow": slow,
        "agent": lambda: agent(streaming=False),
        "agent-stream": lambda: agent(streaming=True),
        "structured": structured,
        "errors": lambda: each_case(one_error),
    }
)
