"""Faults one by one: `scripts/smoke` must find each, name the check, and find nothing wrong with what is right."""

import concurrent.futures
import re
import unittest

from operating.smoking.testing import fake, spoil
from operating.smoking.testing.fake import DONE, Fake, Reply, as_json, chunks, completion, event, stream
from operating.smoking.testing.spoil import body, choice, completed, count, headers, instead, no_member, put, raw, status, streamed, told
from operating.smoking.testing.runner import NAMES, Smoke

HTML = Reply(200, b"<html>welcome</html>", {"Content-Type": "text/html"})
OPEN = as_json(200, completion("codex-5"))
#: Titles, the check that must fail, what becomes of its reply, and what the reason must say.
FAULTS = [
    # Health.
    ("the worker is down", "healthz", told(lambda b: b | {"status": "degraded"}), "status is 'degraded'"),
    ("health is HTML", "healthz", instead(HTML), "content-type is 'text/html'"),
    ("not ready", "readyz", status(503), "status 503 where 200"),
    ("health is an empty object", "livez", instead(as_json(200, {})), "status is missing"),
    # Models.
    ("no models", "models", told(lambda b: b | {"data": []}), "there are no models"),
    ("models without ids", "models", told(lambda b: b | {"data": [{"object": "model"}]}), "id is missing"),
    ("models that are none", "models", told(lambda b: b | {"data": ["codex-5"]}), "data has what is no model"),
    ("models are no list", "models", told(lambda b: b | {"object": "x"}), "object is 'x'"),
    ("models need a key", "models", instead(fake.refusal()), "status 401 where 200 .*'invalid_api_key'"),
    ("another model", "model", told(lambda b: b | {"id": "gpt-0"}), "id is 'gpt-0'"),
    # Browsers.
    ("a preflight without headers", "preflight", instead(Reply(204)), "there is no access-control-allow-origin"),
    ("another page", "preflight", headers(Access_Control_Allow_Origin="https://other.example"), "a page of https://smoke.example"),
    ("no methods", "preflight", headers(Access_Control_Allow_Methods=None), "allow-methods has no post"),
    ("methods without ours", "preflight", headers(Access_Control_Allow_Methods="GET"), "allow-methods has no post"),
    ("a star is no authorization", "preflight", headers(Access_Control_Allow_Headers="*"), "allow-headers has no authorization"),
    ("a preflight needs a key", "preflight", instead(fake.refusal()), "status 401"),
    ("two origins", "cors", headers(Access_Control_Allow_Origin=["*", "*"]), "is there 2 times"),
    ("an answer that no page can read", "cors", headers(Access_Control_Allow_Origin=None), "there is no access-control"),
    # Keys.
    ("an open door", "no-key", instead(OPEN), "status 200 where 401"),
    ("an open side door", "no-key-completions", instead(OPEN), "status 200 where 401"),
    ("any key does", "wrong-key", instead(OPEN), "status 200 where 401"),
    ("a refusal without an object", "no-key", instead(Reply(401, b"no", {"Content-Type": "text/plain"})), "content-type is 'text/plain'"),
    ("a refusal without a code", "no-key", told(lambda b: {"error": b["error"] | {"code": None}}), "error.code is missing"),
    ("a refusal that is no object", "wrong-key", told(lambda _: {"error": "no"}), "there is no error object"),
    ("a refusal without a way", "wrong-key", headers(**{"WWW-Authenticate": None}), "www-authenticate is ''"),
    ("forbidden is not refused", "wrong-key", status(403), "status 403 where 401"),
    # What is hidden, and what is not there.
    ("public metrics", "hidden-metrics", instead(Reply(200, b"# TYPE x counter\nx 1\n")), "status 200 where 404"),
    ("metrics as 404", "hidden-metrics", instead(Reply(404, b'codex_worker_ready{worker="worker"} 1\n')), "404, with series in it"),
    ("a public /verify", "hidden-verify", status(401), "status 401 where 404"),
    ("public toggles", "hidden-maintenance", instead(as_json(200, {"enabled": False})), "status 200 where 404"),
    ("everything is there", "unknown-route", instead(OPEN), "status 200 where 404"),
    ("a 404 of another", "unknown-route", instead(Reply(404, b"404 page not found\n", {"Content-Type": "text/plain"})), "content-type"),
    # The chat in one piece.
    ("500", "json", instead(Reply(500, b"oops", {"Content-Type": "text/plain"})), "status 500 where 200"),
    ("502 with an object", "json", instead(fake.error(502, "worker_restarted")), "status 502 .*'worker_restarted' 'No.'"),
    ("a good key is refused", "json", instead(fake.refusal()), "status 401 where 200 .*'invalid_api_key'"),
    ("an empty object", "json", instead(as_json(200, {})), "x-request-id|object is missing"),
    ("HTML", "json", instead(HTML), "content-type is 'text/html'"),
    ("JSON as text", "json", headers(Content_Type="text/plain"), "content-type is 'text/plain'"),
    ("a shorter Content-Length", "json", body(lambda b: b[:-5]), "no JSON"),
    ("a cut body", "json", raw(spoil.cut_length), r"curl: .*\(18\)"),
    ("something behind the JSON", "json", body(lambda b: b + b"{}"), "no JSON: Extra data"),
    ("no JSON at all", "json", body(lambda b: b"\xff\xfe"), "no JSON"),
    ("NaN", "json", body(lambda b: b.replace(b"18", b"NaN")), "NaN is no JSON"),
    ("nested without end", "json", body(lambda _: b"[" * 200000), "no JSON"),
    ("a list", "json", body(lambda b: b"[" + b + b"]"), "the body is no object"),
    ("nothing", "json", body(lambda _: b""), "no JSON"),
    ("no content", "json", completed(lambda b, c, m: m.update(content="")), "content is ''"),
    ("blank content", "json", completed(lambda b, c, m: m.update(content=" \n")), "content is"),
    ("null content", "json", completed(lambda b, c, m: m.update(content=None)), "content is missing"),
    ("another role", "json", completed(lambda b, c, m: m.update(role="user")), "role is 'user'"),
    ("no end", "json", completed(lambda b, c, m: c.update(finish_reason=None)), "finish_reason is missing"),
    ("calls that nobody offered", "json", completed(lambda b, c, m: c.update(finish_reason="tool_calls")), "finish_reason is 'tool_calls'"),
    ("no choice", "json", told(lambda b: b | {"choices": []}), "not exactly one choice"),
    ("two choices", "json", told(lambda b: b | {"choices": b["choices"] * 2}), "not exactly one choice"),
    ("a choice that is none", "json", told(lambda b: b | {"choices": ["x"]}), "the choice has no message"),
    ("another index", "json", completed(lambda b, c, m: c.update(index=1)), "index is 1"),
    ("a chunk", "json", told(lambda b: b | {"object": "chat.completion.chunk"}), "object is 'chat.completion.chunk'"),
    ("no usage", "json", no_member("usage"), "there is no usage"),
    ("a wrong sum", "json", count(total_tokens=19), r"usage has 11 \+ 7 = 19"),
    ("no completion tokens", "json", count(completion_tokens=0, total_tokens=11), "0 completion tokens"),
    ("usage of texts", "json", count(total_tokens="18"), "usage has"),
    ("no id", "json", no_member("id"), "id is missing"),
    ("no model", "json", no_member("model"), "model is missing"),
    ("no x-request-id", "json", headers(**{"X-Request-Id": None}), "there is no x-request-id"),
    ("a stream for JSON", "json", lambda good: Reply(200, stream(chunks("x")), {"Content-Type": "text/event-stream"}), "content-type"),
    ("a redirect", "json", instead(Reply(307, b"", {"Location": "/v1/elsewhere"})), "status 307 .*to '/v1/elsewhere'"),
    ("a permanent redirect", "healthz", instead(Reply(301, b"", {"Location": "https://x.example/"})), "redirects are not followed"),
    # The stream.
    ("JSON for the stream", "stream", instead(OPEN), "content-type is 'application/json'"),
    ("a stream as text", "stream", headers(Content_Type="text/plain"), "content-type is 'text/plain'"),
    ("a stream of 500", "stream", status(500), "status 500"),
    ("a stream without x-request-id", "stream", headers(**{"X-Request-Id": None}), "x-request-id"),
    ("no [DONE]", "stream", body(lambda b: b[: -len(DONE)]), r"6 events, and no \[DONE\]"),
    ("[DONE] alone", "stream", streamed(lambda _: [b"[DONE]"]), r"\[DONE\] is there twice"),
    ("nothing but [DONE]", "stream", body(lambda _: DONE), "there is no content"),
    ("an empty stream", "stream", body(lambda _: b""), r"0 events, and no \[DONE\]"),
    ("the end inside an event", "stream", body(lambda b: b[:-100]), "ends inside an event"),
    ("the end inside [DONE]", "stream", body(lambda b: b[:-1]), "ends inside an event"),
    ("two [DONE]", "stream", body(lambda b: b + DONE), r"\[DONE\] is there twice"),
    ("a comment behind [DONE]", "stream", body(lambda b: b + b": bye\n\n"), r"something follows \[DONE\]: ': bye'"),
    ("bytes behind [DONE]", "stream", body(lambda b: b + b"x"), r"something follows \[DONE\]: 'x'"),
    ("a chunk behind [DONE]", "stream", body(lambda b: b + event({})), r"something follows \[DONE\]"),
    ("an error", "stream", streamed(spoil.error_frame), "an error in the stream: 'worker_restarted' 'It broke.'"),
    ("an error and no [DONE]", "stream", spoil.broken_off, "an error in the stream: 'worker_restarted'"),
    ("an event that is no JSON", "stream", streamed(lambda e: [*e[:2], b"{", *e[2:]]), "no JSON"),
    ("an empty event", "stream", streamed(lambda e: [*e[:2], b"", *e[2:]]), "no JSON"),
    ("a line that is no event", "stream", body(lambda b: b"<html>\n\n" + b), "which is no event"),
    ("a stream that is no UTF-8", "stream", body(lambda b: b.replace(b"Hel", b"\xff")), "no UTF-8"),
    ("no usage at the end", "stream", streamed(lambda e: e[:-1]), "there is no usage"),
    ("usage before the end", "stream", streamed(lambda e: [*e[:-2], e[-1], e[-2]]), "the usage comes before finish_reason"),
    ("usage behind [DONE]", "stream", lambda good: body(lambda _: stream(chunks("x")[:-1]) + event(chunks("x")[-1]))(good), "follows"),
    ("usage with a choice", "stream", put(-2, "usage", fake.USAGE), "the chunk with the usage has a choice"),
    ("usage twice", "stream", streamed(lambda e: [*e, e[-1]]), "a chunk follows the usage"),
    ("usage with a wrong sum", "stream", put(-1, "usage", fake.USAGE | {"total_tokens": 1}), r"usage has 11 \+ 7 = 1"),
    ("another id", "stream", put(2, "id", "chatcmpl-2"), "'chatcmpl-2'"),
    ("another model in the middle", "stream", put(2, "model", "x"), "the first has"),
    ("a completion in the stream", "stream", put(2, "object", "chat.completion"), "object is 'chat.completion'"),
    ("no role", "stream", choice(0, delta={"content": "Hel"}), "role is missing"),
    ("another role in the middle", "stream", choice(2, delta={"role": "user", "content": "x"}), "role is 'user'"),
    ("another choice", "stream", choice(2, index=1), "index is 1"),
    ("no delta", "stream", choice(2, delta=None), "a choice has no delta"),
    ("no text", "stream", streamed(lambda e: [e[0], *e[-2:]]), "there is no content"),
    ("a stream without an end", "stream", streamed(lambda e: [*e[:-2]]), "there is no finish_reason"),
    ("an end of null", "stream", choice(-2, finish_reason=None), "the usage comes before finish_reason"),
    ("two ends", "stream", streamed(lambda e: [*e[:-1], e[-2], e[-1]]), "a choice follows finish_reason"),
    ("text behind the end", "stream", streamed(lambda e: [*e[:-1], e[2], e[-1]]), "a choice follows finish_reason"),
    ("two choices in a chunk", "stream", streamed(lambda e: e[2].update(choices=e[2]["choices"] * 2)), "one choice or none"),
    ("a stream without its last chunk", "stream", raw(spoil.cut_chunks), r"curl: .*\(18\)"),
    # What never ends.
    ("a stall in the middle", "stream", raw(spoil.stall), r"curl: .*\(28\); status 200, [1-9]"),
    ("comments for ever", "stream", raw(spoil.drip), r"curl: .*\(28\)"),
    ("a head for ever", "json", raw(spoil.drip_head), r"curl: .*\(28\)"),
    ("silence", "json", raw(spoil.silence), r"curl: .*\(28\); no head"),
    ("a body without end", "stream", raw(spoil.endless), "longer than 4194304 bytes"),
    ("a health without end", "healthz", raw(spoil.endless), "longer than 4194304 bytes"),
    ("a body that would be too long", "json", raw(spoil.announced), r"curl: .*\(63\)"),
]


def rounds():
    """The faults, one of each check at a time."""
    waiting = list(FAULTS)
    while waiting:
        this = {}
        for fault in waiting:
            this.setdefault(fault[1], fault)
        waiting = [fault for fault in waiting if this[fault[1]] is not fault]
        yield this


class Faults(Smoke):
    def test_each_fault_is_found_where_it_is_and_nowhere_else(self):
        # Two at a time: a run mostly waits for its children.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = list(pool.map(self.outcome, rounds()))
        self.assertEqual(sum(len(this) for this, *_ in found), len(FAULTS))
        for this, code, out, problems in found:
            self.assertEqual((code, sorted(problems)), (1, sorted(this)), out)
            self.assertEqual([line.split()[1] for line in out.splitlines()[: len(NAMES)]], NAMES)
            for title, name, _, reason in this.values():
                with self.subTest(title):
                    self.assertRegex(problems[name], reason)
                    self.assertRegex(out, rf"(?m)^FAILED  {name} .* s  {re.escape(problems[name])}$")

    def outcome(self, this):
        """What a run with these faults gives: them, its code, its output, and the problems by check."""
        runner = Smoke()
        runner.setUp()
        try:
            with Fake({name: change for _, name, change, _ in this.values()}) as server:
                ran = runner.smoke("prod", "--url", server.url, "--timeout", "5", "--stream-timeout", "5")
            problems = {check["name"]: check["problem"] for check in runner.summary()["checks"] if check["problem"]}
            return this, ran.returncode, ran.stdout + ran.stderr, problems
        finally:
            runner.doCleanups()


if __name__ == "__main__":
    unittest.main()
