"""What schemathesis does beside its own: it makes generated bodies agree with themselves, and writes down every answer.

A schema can't say that one member of a body needs another. What is written down is judged by the test that runs this.
"""

import json
import os
import threading

import schemathesis

ANSWERS = open(os.environ["ANSWERS"], "a", encoding="utf-8")
LOCK = threading.Lock()
with open("openapi.json", encoding="utf-8") as document:
    EFFORTS = json.load(document)["x-efforts"]
ALL_EFFORTS = {effort for efforts in EFFORTS.values() for effort in efforts}


@schemathesis.hook
def before_call(_context, case, _kwargs):
    # Not `map_body`, which is asked for a part of the bodies alone.
    if isinstance(case.body, dict):
        agree(case.body)


def agree(body):
    """Leaves values of a wrong type as they are: those are requests that must be refused."""
    if body.get("stream") is not True and isinstance(body.get("stream_options"), dict):
        del body["stream_options"]
    if is_whole(body.get("max_tokens")) and is_whole(body.get("max_completion_tokens")):
        body["max_completion_tokens"] = body["max_tokens"]
    thinking(body)
    tools, functions = body.get("tools"), body.get("functions")
    if isinstance(tools, list):
        # Either the new form or the old one.
        for name in ("functions", "function_call"):
            if isinstance(body.get(name), (list, dict)) or body.get(name) in ("none", "auto"):
                del body[name]
        names = named_apart([inner(tool) for tool in tools])
        choice(body.get("tool_choice"), names)
    elif tools is None:
        body.pop("tool_choice", None)
        body.pop("parallel_tool_calls", None)
        if isinstance(functions, list):
            chosen(body.get("function_call"), named_apart(functions))
        elif functions is None:
            body.pop("function_call", None)
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type") == "json_object" and isinstance(body.get("messages"), list):
        body["messages"].insert(0, {"role": "user", "content": "Answer in JSON."})


def is_whole(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value % 1 == 0


def thinking(body):
    """One effort that the model has, and one summary."""
    model = body.get("model")
    efforts = EFFORTS.get(model) if isinstance(model, str) else None
    effort = body.get("reasoning_effort")
    if efforts and isinstance(effort, str) and effort in ALL_EFFORTS and effort not in efforts:
        body["reasoning_effort"] = efforts[-1]
    nested = body.get("reasoning")
    if isinstance(nested, dict):
        if isinstance(nested.get("effort"), str) and nested["effort"] in ALL_EFFORTS:
            if isinstance(body.get("reasoning_effort"), str):
                nested["effort"] = body["reasoning_effort"]
            elif efforts and nested["effort"] not in efforts:
                nested["effort"] = efforts[-1]
        if body.get("reasoning_summary") is not None and nested.get("summary") is not None:
            nested["summary"] = body["reasoning_summary"]


def inner(tool):
    """What a tool or a choice names: a function or a custom tool."""
    return (tool.get("function") or tool.get("custom")) if isinstance(tool, dict) else None


def named_apart(functions):
    """No two functions of a request have one name."""
    names = []
    for at, function in enumerate(functions):
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            function["name"] = f"{function['name']}{at}"
            names.append(function["name"])
    return names


def choice(named, names):
    """Only functions of the request can be chosen."""
    if not isinstance(named, dict):
        return
    chosen(inner(named), names)
    allowed = named.get("allowed_tools")
    if isinstance(allowed, dict) and isinstance(allowed.get("tools"), list):
        for tool in allowed["tools"]:
            chosen(inner(tool), names)


def chosen(named, names):
    if isinstance(named, dict) and isinstance(named.get("name"), str) and names:
        named["name"] = names[len(named["name"]) % len(names)]


@schemathesis.hook
def after_call(_context, case, response):
    meta = case.meta
    answer = {
        "operation": case.operation.label,
        "method": response.request.method,
        "mode": meta.generation.mode.value if meta else "unknown",
        "status": response.status_code,
        "content_type": (response.headers.get("content-type") or [None])[0],
        "body": response.text,
        "request": repr(case.body)[:4000],
        "phase": f"{meta.phase.name.value}: {getattr(meta.phase.data, 'description', None)}" if meta else "",
    }
    with LOCK:
        ANSWERS.write(json.dumps(answer) + "\n")
        ANSWERS.flush()
