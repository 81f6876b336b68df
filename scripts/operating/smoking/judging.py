"""What a good answer is. A judge raises `Wrong` at the first thing that is not as it should be, and may give a note."""

import json

#: How an answer to a request without tools ends. `length` and the filter are told, `stop` is not.
FINISHED = ("stop", "length", "content_filter")
#: What a server's words may take of a line.
QUOTED = 120


class Wrong(Exception):
    """Why an answer is not good."""


def require(condition, reason):
    if not condition:
        raise Wrong(reason)


def printable(text):
    """Without what would move a terminal's cursor or end the line."""
    return "".join(c if c.isprintable() else " " for c in text)


def quoted(text):
    """What a server said, on one line and short."""
    if text is None:
        return "missing"
    words = printable(str(text)[: QUOTED + 1])
    words = words if len(words) <= QUOTED else f"{words[:QUOTED]}…"
    return repr(words) if isinstance(text, str) else words


def parse(text):
    """JSON as it is defined: nothing behind it, no NaN."""
    try:
        return json.loads(text.decode() if isinstance(text, bytes) else text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"no JSON: {quoted(error)}") from error


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def expect(answer, *statuses):
    """The transfer was whole and has one of these statuses. An error object, and where a redirect leads, is told."""
    require(answer.problem is None, _ended(answer))
    if answer.status in statuses:
        return
    more = ""
    if answer.header("location"):
        more = f", to {quoted(answer.header('location'))} (redirects are not followed)"
    elif answer.media_type == "application/json":
        try:
            error = parse(answer.body).get("error")
            more = f": {quoted(error['code'])} {quoted(error['message'])}"
        except (Wrong, AttributeError, TypeError, KeyError):
            pass
    raise Wrong(f"status {answer.status} where {' or '.join(map(str, statuses))} was expected{more}")


def _ended(answer):
    return f"{answer.problem}; {f'status {answer.status}' if answer.status else 'no head'}, {len(answer.body)} bytes of a body"


def json_object(answer, *statuses):
    """The object that is the whole body."""
    expect(answer, *statuses)
    require(answer.media_type == "application/json", f"content-type is {quoted(answer.header('content-type'))}")
    told = parse(answer.body)
    require(isinstance(told, dict), "the body is no object")
    return told


def named(what, name):
    """A member that is a text with something in it."""
    value = what.get(name)
    require(isinstance(value, str) and value.strip(), f"{name} is {quoted(value)}")
    return value


def health(answer):
    told = json_object(answer, 200)
    require(told.get("status") == "ok", f"status is {quoted(told.get('status'))}, worker_state {quoted(told.get('worker_state'))}")
    return "maintenance mode is on" if told.get("maintenance_mode") else None


def refused(answer):
    """401 in the error object, with the header that says how to do it."""
    envelope(answer, 401, "invalid_api_key")
    way = answer.header("www-authenticate") or ""
    require(way.lower().startswith("bearer"), f"www-authenticate is {quoted(way)}")


def not_found(answer):
    envelope(answer, 404, "not_found")


def envelope(answer, status, code):
    error = json_object(answer, status).get("error")
    require(isinstance(error, dict), "there is no error object")
    named(error, "message")
    named(error, "type")
    require(error.get("code") == code, f"error.code is {quoted(error.get('code'))}, not {code}")


def hidden(answer):
    """404, whoever says it, and nothing of what only the internal listener may tell."""
    expect(answer, 404)
    require(b"# TYPE " not in answer.body and b"codex_" not in answer.body, "404, with series in it")


def models(answer):
    told = json_object(answer, 200)
    require(told.get("object") == "list", f"object is {quoted(told.get('object'))}")
    cards = told.get("data")
    require(isinstance(cards, list) and cards, "there are no models")
    require(all(isinstance(card, dict) and card.get("object") == "model" for card in cards), "data has what is no model")
    for card in cards:
        named(card, "id")
    return f"{len(cards)} models"


def model(name):
    """The model is served, under its own name or as an alias."""

    def judge(answer):
        told = json_object(answer, 200)
        require(told.get("object") == "model", f"object is {quoted(told.get('object'))}")
        require(told.get("id") == name, f"id is {quoted(told.get('id'))}")

    return judge


def preflight(origin):
    """A browser would let a page of `origin` send our request."""

    def judge(answer):
        expect(answer, 200, 204)
        _readable(answer, origin)
        for header, needed in (("methods", ["post"]), ("headers", ["authorization", "content-type"])):
            name = f"access-control-allow-{header}"
            given = [word.strip().lower() for value in answer.all(name) for word in value.split(",")]
            # `*` stands for all of them but `authorization`.
            missing = [word for word in needed if word not in given and ("*" not in given or word == "authorization")]
            require(not missing, f"{name} has no {', '.join(missing)}")

    return judge


def cors(origin):
    """A browser would let a page of `origin` read the answer."""

    def judge(answer):
        expect(answer, 200)
        _readable(answer, origin)

    return judge


def _readable(answer, origin):
    name = "access-control-allow-origin"
    values = answer.all(name)
    require(values, f"there is no {name}")
    require(len(values) == 1, f"{name} is there {len(values)} times, which browsers refuse")
    require(values[0] in ("*", origin), f"{name} is {quoted(values[0])}, and a page of {origin} was meant")


def usage(told):
    """The tokens, counted rightly."""
    require(isinstance(told, dict), "there is no usage")
    counts = [told.get(f"{name}_tokens") for name in ("prompt", "completion", "total")]
    require(all(type(count) is int for count in counts), f"usage has {quoted(counts)}")
    prompt, completion, total = counts
    require(prompt > 0 and completion > 0, f"usage has {prompt} prompt tokens and {completion} completion tokens")
    require(prompt + completion == total, f"usage has {prompt} + {completion} = {total}")
    return total


def finish_reason(value):
    """Gives what is to be noted about it."""
    require(value in FINISHED, f"finish_reason is {quoted(value)}")
    return None if value == "stop" else f"finish_reason {value}"


def common(told, kind):
    """What a completion and a chunk of one have in common."""
    require(told.get("object") == kind, f"object is {quoted(told.get('object'))}")
    named(told, "id")
    named(told, "model")
    require(type(told.get("created")) is int, f"created is {quoted(told.get('created'))}")


def request_id(answer):
    require((answer.header("x-request-id") or "").strip(), "there is no x-request-id")


def completion(answer):
    """A chat completion in one piece."""
    told = json_object(answer, 200)
    request_id(answer)
    common(told, "chat.completion")
    choices = told.get("choices")
    require(isinstance(choices, list) and len(choices) == 1, "there is not exactly one choice")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    require(isinstance(message, dict), "the choice has no message")
    require(choice.get("index") == 0, f"index is {quoted(choice.get('index'))}")
    require(message.get("role") == "assistant", f"role is {quoted(message.get('role'))}")
    named(message, "content")
    ended = finish_reason(choice.get("finish_reason"))
    return "; ".join(filter(None, (f"{usage(told.get('usage'))} tokens", ended)))
