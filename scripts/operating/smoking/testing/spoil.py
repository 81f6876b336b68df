"""What may become of a good reply of `fake`: each gives a function that takes the reply and gives another."""

import json

from ..curl import MOST_BYTES
from .fake import DONE, Reply, chunks, stream

#: Seconds that a connection is held for. The server ends before, with its test.
HELD = 300


def instead(reply):
    return lambda _good: reply


def status(number, **headers):
    return lambda good: Reply(number, good.body, good.headers | headers, chunked=good.chunked)


def headers(**changed):
    """With these headers changed; `None` takes one away."""

    def change(good):
        told = good.headers | {name.replace("_", "-"): value for name, value in changed.items()}
        return Reply(good.status, good.body, {k: v for k, v in told.items() if v is not None}, chunked=good.chunked)

    return change


def told(change):
    """The object of the body, changed in place or given anew."""

    def spoil(good):
        body = json.loads(good.body)
        return Reply(good.status, json.dumps(change(body) or body).encode(), good.headers)

    return spoil


def completed(change):
    return told(lambda body: change(body, body["choices"][0], body["choices"][0]["message"]))


def streamed(change):
    """The events of the stream, changed in place or given anew; what is bytes is written as it is."""

    def spoil(good):
        events = chunks("codex-5")
        return Reply(200, stream(change(events) or events), good.headers, chunked=True)

    return spoil


def body(change):
    return lambda good: Reply(good.status, change(good.body), good.headers, chunked=good.chunked)


def raw(write):
    """`write(handler, reply)` says it all."""
    return lambda good: Reply(200, raw=lambda handler: write(handler, good))


def cut_length(handler, good):
    """A body that is shorter than was said."""
    handler.head(good, {"Content-Length": len(good.body)})
    handler.wfile.write(good.body[:-20])


def cut_chunks(handler, good):
    """The connection ends after `[DONE]`, and without the last chunk."""
    handler.head(good, {"Transfer-Encoding": "chunked"})
    handler.chunk(good.body)


def stall(handler, good):
    handler.head(good, {"Transfer-Encoding": "chunked"})
    handler.chunk(good.body[: len(good.body) // 2])
    handler.server.fake.over.wait(HELD)


def silence(handler, _good):
    handler.server.fake.over.wait(HELD)


def drip(handler, good):
    """A comment now and then, for ever."""
    handler.head(good, {"Transfer-Encoding": "chunked"})
    handler.chunk(good.body[: -len(DONE)])
    while not handler.server.fake.over.wait(0.1):
        handler.chunk(b": still here\n\n")


def drip_head(handler, _good):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.fake.over.wait(0.1):
        handler.wfile.write(b"X-More: 1\r\n")


def endless(handler, good):
    handler.head(good, {"Transfer-Encoding": "chunked"})
    while not handler.server.fake.over.is_set():
        handler.chunk(b": more\n\n" * 4096)


def announced(handler, good):
    """More than is taken, and nothing of it is sent."""
    handler.head(good, {"Content-Length": MOST_BYTES + 1})
    handler.server.fake.over.wait(HELD)


def put(index, name, value):
    def change(events):
        events[index][name] = value

    return streamed(change)


def choice(number, **members):
    def change(events):
        events[number]["choices"][0] |= members

    return streamed(change)


def no_member(name):
    return told(lambda answer: {k: v for k, v in answer.items() if k != name})


def count(**counts):
    return told(lambda answer: answer | {"usage": answer["usage"] | counts})


def error_frame(events):
    events.insert(2, {"error": {"message": "It broke.", "type": "server_error", "param": None, "code": "worker_restarted"}})


def broken_off(good):
    """What the front does where codex fails: a frame with the error, and the end."""
    events = chunks("codex-5")[:2]
    error_frame(events)
    return Reply(200, stream(events).removesuffix(DONE), good.headers, chunked=True)
