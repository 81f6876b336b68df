"""A front that behaves well, and by request badly: what `scripts/smoke` is tested with. Plain sockets on loopback, no codex."""

import contextlib
import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-a-key-for-tests-of-smoke-0123456789"
ID, CREATED = "chatcmpl-1", 1700000000
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
MODELS = ("gpt-5.5", "codex-5", "codev-5")


@dataclass
class Reply:
    """An answer. `raw` writes it by itself, given the handler; `chunked` sends the body in chunks."""

    status: int
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    raw: object = None
    chunked: bool = False


def as_json(status, told, **headers):
    return Reply(status, json.dumps(told).encode(), {"Content-Type": "application/json", "X-Request-Id": "req_1"} | headers)


def error(status, code, **headers):
    return as_json(status, {"error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": code}}, **headers)


def refusal():
    return error(401, "invalid_api_key", **{"WWW-Authenticate": "Bearer"})


def completion(model):
    message = {"role": "assistant", "content": "Hello."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": ID, "object": "chat.completion", "created": CREATED, "model": model, "choices": [choice], "usage": USAGE}


def chunks(model):
    """The chunks of a stream, as objects."""
    base = {"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model}
    deltas = [({"role": "assistant", "content": ""}, None), *(({"content": text}, None) for text in ("Hel", "lo", ".")), ({}, "stop")]
    said = [base | {"choices": [{"index": 0, "delta": d, "finish_reason": f}], "usage": None} for d, f in deltas]
    return [*said, base | {"choices": [], "usage": USAGE}]


def event(told):
    return b"data: " + (told if isinstance(told, bytes) else json.dumps(told).encode()) + b"\n\n"


DONE = event(b"[DONE]")


def stream(events):
    """The body of a stream, from objects."""
    return b": hello\n\n" + b"".join(map(event, events)) + DONE


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words):
        """Nobody reads it."""

    def answer(self):
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = json.loads(body) if body else {}
        name, reply = fake.route(self, told)
        fake.asked.append((name, self.headers.get("Authorization"), told))
        reply = fake.spoil(name, reply)
        # curl has gone where its time was over.
        with contextlib.suppress(ConnectionError):
            if reply.raw:
                self.close_connection = True
                reply.raw(self)
            else:
                self.write(reply)

    do_GET = do_POST = do_OPTIONS = answer

    def write(self, reply):
        self.head(reply, {"Transfer-Encoding": "chunked"} if reply.chunked else {"Content-Length": len(reply.body)})
        if reply.chunked:
            self.chunk(reply.body)
            self.chunk(b"")
        elif reply.status != 204:
            self.wfile.write(reply.body)

    def head(self, reply, more):
        self.send_response(reply.status)
        for name, values in reply.headers.items():
            for value in values if isinstance(values, list) else [values]:
                self.send_header(name, value)
        for name, value in more.items() if reply.status != 204 else ():
            self.send_header(name, str(value))
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Fake:
    """The server. `spoilt` says for a check's name what becomes of its reply; the name `*` stands for all others."""

    def __init__(self, spoilt=None, protected_models=False, tls=None):
        self.spoilt, self.protected_models = spoilt or {}, protected_models
        self.asked, self.over = [], threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads, self.server.fake = True, self
        self.port = self.server.server_address[1]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def spoil(self, name, reply):
        change = self.spoilt.get(name, self.spoilt.get("*"))
        return change(reply) if change else reply

    def route(self, request, told):
        """The name of the check that asks this, and the good answer."""
        path, given = request.path, request.headers.get("Authorization")
        known, origin = given == f"Bearer {KEY}", request.headers.get("Origin")
        allowed = {"Access-Control-Allow-Origin": "*"}
        if path in ("/healthz", "/readyz", "/livez"):
            return path[1:], as_json(200, {"status": "ok", "worker_state": "ready", "maintenance_mode": False})
        if path in ("/metrics", "/verify", "/internal/maintenance"):
            return f"hidden-{path.split('/')[-1]}", Reply(404, b"404 page not found\n", {"Content-Type": "text/plain"})
        if request.command == "OPTIONS":
            more = {"Access-Control-Allow-Methods": "POST, HEAD, OPTIONS"}
            more["Access-Control-Allow-Headers"] = request.headers["Access-Control-Request-Headers"]
            return "preflight", Reply(204, b"", allowed | more)
        if path.startswith("/v1/models"):
            return self.models(path, known, origin, allowed)
        if given is None:
            return "no-key" if path.endswith("/chat/completions") else "no-key-completions", refusal()
        if not known:
            return "wrong-key", refusal()
        if path != "/v1/chat/completions":
            return "unknown-route", error(404, "not_found")
        if told.get("stream"):
            kinds = {"Content-Type": "text/event-stream; charset=utf-8", "X-Request-Id": "req_2"}
            return "stream", Reply(200, stream(chunks(told["model"])), kinds, chunked=True)
        return "json", as_json(200, completion(told["model"]))

    def models(self, path, known, origin, allowed):
        name = "cors" if origin else "model" if path != "/v1/models" else "models"
        if self.protected_models and not known:
            return "models-no-key" if name == "models" else name, refusal()
        cards = [{"id": model, "object": "model", "created": CREATED, "owned_by": "x"} for model in MODELS]
        if name == "model":
            found = [card for card in cards if card["id"] == path.split("/")[-1]]
            return name, as_json(200, found[0]) if found else error(404, "model_not_found")
        return name, as_json(200, {"object": "list", "data": cards}, **(allowed if origin else {}))
