"""Load on a stack while it is upgraded, and what became of each request.

    python3 load.py URL KEY SECONDS WORKERS [--sdk]

Half of the workers ask for JSON, half for streams of about a second. One line of JSON for each request on stdout:
`{"kind", "start", "end", "status", "outcome", "detail"}`; times are the clock's. It ends at SECONDS, or when stdin is closed.
With `--sdk` the official OpenAI SDK asks, with its own retries; without it, plain HTTP says what the door says.
"""

import http.client
import json
import os
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

PROMPT = "!repeat 10 word \n!chunks 5\n!pause 100"


def plain(url, key, stream):
    """One request: its status and what became of it."""
    place = urlsplit(url)
    connection = http.client.HTTPSConnection(place.hostname, place.port, timeout=60, context=ssl.create_default_context())
    try:
        body = json.dumps(asking(stream))
        head = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, head)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if answer.status != 200:
            return answer.status, "refused", {"retry_after": answer.getheader("retry-after"), "body": text[:200]}
        if not stream:
            whole = json.loads(text)["choices"][0]["finish_reason"] == "stop"
        else:
            whole = text.rstrip().endswith("data: [DONE]") and '"error"' not in text
        return 200, "whole" if whole else "broken", {} if whole else {"body": text[-200:]}
    finally:
        connection.close()


def asking(stream):
    return {"model": "codex-5", "stream": stream, "messages": [{"role": "user", "content": PROMPT}]}


def official(url, key, stream):
    """The same by the SDK, which tries again where the answer says that it may."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=key, timeout=60)
    answer = client.chat.completions.create(**asking(stream))
    if stream:
        reasons = [chunk.choices[0].finish_reason for chunk in answer if chunk.choices]
        return 200, "whole" if reasons and reasons[-1] == "stop" else "broken", {}
    return 200, "whole" if answer.choices[0].finish_reason == "stop" else "broken", {}


def worker(ask, url, key, stream, stop, lock):
    while not stop.is_set():
        start = time.time()
        try:
            status, outcome, detail = ask(url, key, stream)
        except Exception as error:  # What a client sees is what is measured, whatever it is.
            status, outcome, detail = getattr(error, "status_code", 0) or 0, "failed", {"error": f"{type(error).__name__}: {error}"[:200]}
        line = {"kind": "stream" if stream else "json", "start": start, "end": time.time(), "status": status, "outcome": outcome, "detail": detail}
        with lock:
            print(json.dumps(line), flush=True)
        if outcome != "whole":
            # A client that is refused comes again after a moment, and not at once.
            stop.wait(0.1)


def main():
    url, key, seconds, workers = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    ask = official if "--sdk" in sys.argv else plain
    stop, lock = threading.Event(), threading.Lock()
    threading.Thread(target=lambda: (os.read(0, 1), stop.set()), daemon=True).start()
    threads = [threading.Thread(target=worker, args=(ask, url, key, bool(n % 2), stop, lock)) for n in range(workers)]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
