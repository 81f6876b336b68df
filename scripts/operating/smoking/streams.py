"""What a good stream is: server-sent events, read strictly, that make one chat completion."""

from .judging import Wrong, common, expect, finish_reason, parse, quoted, request_id, require, usage

DONE = "[DONE]"
FIELDS = ("data", "event", "id", "retry")
#: A stream that took so long (in seconds), has so many deltas and came in the last part of its time was held back.
LONG, SEVERAL, LAST_PART = 1.0, 3, 0.05


def events(body):
    """Gives the data of each event, one by one: what a chunk says of itself is judged before what is wrong behind it. What follows
    `[DONE]`, a line that is no field, and an event that has no end are wrong."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Wrong(f"the stream is no UTF-8: {quoted(error)}") from error
    count, data, behind = 0, [], False
    *lines, rest = text.replace("\r\n", "\n").split("\n")
    for line in lines:
        if behind:
            again = line.startswith("data:") and _value(line) == DONE
            raise Wrong("[DONE] is there twice" if again else f"something follows [DONE]: {quoted(line)}")
        if not line:
            told, data = "\n".join(data) if data else None, []
            behind = told == DONE
            if told is not None and not behind:
                count += 1
                yield told
        elif not line.startswith(":"):
            field = line.partition(":")[0]
            require(field in FIELDS, f"the stream has {quoted(line)}, which is no event")
            if field == "data":
                data.append(_value(line))
    require(not (rest and behind), f"something follows [DONE]: {quoted(rest)}")
    require(not (rest or data), f"the stream ends inside an event: {quoted(rest or data)}")
    require(behind, f"{count} events, and no [DONE]")


def _value(line):
    return line.partition(":")[2].removeprefix(" ")


def completion(answer):
    """A chat completion in chunks, with its usage."""
    expect(answer, 200)
    require(answer.media_type == "text/event-stream", f"content-type is {quoted(answer.header('content-type'))}")
    request_id(answer)
    told = _Told()
    for data in events(answer.body):
        told.chunk(parse(data))
    return "; ".join(filter(None, (*told.end(), _spread(answer, told.deltas))))


class _Told:
    """What the chunks so far have said."""

    def __init__(self):
        self.first = None
        self.role = False
        self.deltas, self.text = 0, ""
        self.finished = self.note = self.tokens = None

    def chunk(self, told):
        require(isinstance(told, dict), "a chunk is no object")
        if told.get("error"):
            error = told["error"] if isinstance(told["error"], dict) else {}
            raise Wrong(f"an error in the stream: {quoted(error.get('code'))} {quoted(error.get('message'))}")
        common(told, "chat.completion.chunk")
        same = [told[name] for name in ("id", "model", "created")]
        self.first = self.first or same
        require(same == self.first, f"a chunk has {quoted(same)}, the first has {quoted(self.first)}")
        require(self.tokens is None, "a chunk follows the usage")
        choices = told.get("choices")
        require(isinstance(choices, list) and len(choices) <= 1, "a chunk has no list of one choice or none")
        if told.get("usage") is not None:
            require(not choices, "the chunk with the usage has a choice")
            require(self.finished, "the usage comes before finish_reason")
            self.tokens = usage(told["usage"])
        else:
            require(choices, "a chunk has neither a choice nor usage")
            self.choice(choices[0])

    def choice(self, choice):
        delta = choice.get("delta") if isinstance(choice, dict) else None
        require(isinstance(delta, dict), "a choice has no delta")
        require(choice.get("index") == 0, f"index is {quoted(choice.get('index'))}")
        require(not self.finished, "a choice follows finish_reason")
        role = delta.get("role")
        require(role == "assistant" or (self.role and role is None), f"role is {quoted(role)}")
        self.role = True
        content = delta.get("content")
        require(content is None or isinstance(content, str), f"content is {quoted(content)}")
        if content:
            self.deltas, self.text = self.deltas + 1, self.text + content
        if choice.get("finish_reason") is not None:
            self.note = finish_reason(choice["finish_reason"])
            self.finished = choice["finish_reason"]

    def end(self):
        require(self.text.strip(), "there is no content")
        require(self.finished, "there is no finish_reason")
        require(self.tokens is not None, "there is no usage")
        return f"{self.tokens} tokens in {self.deltas} delta{'s' if self.deltas != 1 else ''}", self.note


def _spread(answer, deltas):
    """How the stream came. Told, never judged: a short answer may well come at once."""
    held = answer.seconds > LONG and deltas >= SEVERAL and answer.spread < answer.seconds * LAST_PART
    return f"came over the last {answer.spread:.2f} s" + (": held back until the end" if held else "")
