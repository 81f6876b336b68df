"""One run: makes the checks, says a line for each, and keeps what came back."""

import time
from pathlib import Path

from ..cli import say
from . import checks, keeping, triage
from .curl import Door, ask
from .judging import Wrong, printable

#: The playbook's names.
NAMES = {checks.JSON: "nonstream.out", checks.STREAM: "stream.out"}
REFUSED = 7
#: Seconds between two looks at a door that isn't open.
PAUSE = 0.5


class Run:
    """What is asked with, and what became of it."""

    def __init__(self, curl, wanted, evidence, out_dir):
        self.curl, self.wanted, self.evidence = curl, wanted, evidence
        self.cleaner = keeping.Cleaner(wanted.key)
        self.files = {name: Path(out_dir, file) for name, file in NAMES.items()}
        # Found now, and not when the answers are there.
        for file in self.files.values():
            keeping.refuse_foreign(file)

    def make(self, door, check, prefix=""):
        """Makes a check. Gives whether it passed, and the answer."""
        answer = ask(self.curl, door, check.request)
        problem = note = None
        try:
            note = check.judge(answer)
            if self.cleaner.repeats(answer):
                raise Wrong("the answer has the key in it")
        except Wrong as wrong:
            problem = self.cleaner.clean(str(wrong))
        name, ray = f"{prefix}{check.name}", answer.header("cf-ray")
        self._keep(name, door, check, answer, problem, note, ray)
        words = [printable(self.cleaner.clean(word)) for word in (problem or note, ray and f"cf-ray {ray}") if word]
        say(f"{'ok' if problem is None else 'FAILED':<7} {name:<20} {answer.seconds:7.2f} s  {'; '.join(words)}".rstrip())
        return problem is None, answer

    def _keep(self, name, door, check, answer, problem, note, ray):
        url = f"{door.base}{check.request.path}"
        text = self.cleaner.clean(keeping.told(check.request, url, answer, problem))
        file = self.evidence.write(f"{name}.txt", text).name
        facts = {"status": answer.status, "seconds": answer.seconds, "note": note, "cf_ray": ray, "file": file}
        facts["request_id"] = answer.header("x-request-id")
        clean = {key: self.cleaner.clean(value) if isinstance(value, str) else value for key, value in facts.items()}
        self.evidence.check(name, problem, **clean)
        # The origin's chats are no evidence of the door.
        if name in self.files:
            keeping.replace(self.files[name], text)

    def wait(self, door, seconds):
        """Waits until a front answers: a proxy learns of one that has just been started some seconds later. If none does, the
        checks will say so."""
        check, end = checks.alive(min(checks.QUICK, seconds)), time.monotonic() + seconds
        while True:
            try:
                check.judge(ask(self.curl, door, check.request))
                return
            except Wrong as wrong:
                problem = self.cleaner.clean(str(wrong))
            if time.monotonic() >= end:
                say(f"note    the door has not opened within {seconds:g} s: {printable(problem)}")
                return
            time.sleep(PAUSE)

    def door(self, door):
        """All checks of the door. Gives what became of each, by its name."""
        return {check.name: self.make(door, check) for check in checks.all_checks(self.wanted)}

    def origin(self, base, named):
        """The two chats of the front itself: whether each passed, or `None` where it was not asked. It gets the key only once it
        has answered like a front. `named` is whether somebody said that it is there."""
        door = Door(base, direct=True)
        check = checks.alive(min(checks.QUICK, self.wanted.timeout))
        if not named and ask(self.curl, door, check.request).exit_code == REFUSED:
            say(f"note    the origin was not asked: nothing listens at {base}")
            return None
        if not self.make(door, check, "origin-")[0]:
            return False, False
        return tuple(self.make(door, check, "origin-")[0] for check in checks.chats(self.wanted))

    def read_edge(self, results, origin):
        """Says what the playbook reads from the results."""
        (json, answer), (stream, _) = results[checks.JSON], results[checks.STREAM]
        late = answer.timed_out or answer.status in triage.EDGE_GAVE_UP
        lines = triage.read(json, stream, late, origin)
        say()
        for line in lines:
            say(line)
        self.evidence.summary["reading"] = lines


def describe(request, base, key):
    """A request in words, without its key."""
    whose = "without a key" if request.key is None else "with the key" if request.key == key else "with a wrong key"
    headers = "".join(f"\n    {name}: {value}" for name, value in request.headers)
    body = "" if request.body is None else f"\n    {checks.written(request.body)}"
    return f"{request.method} {base}{request.path}, {whose}, within {request.limit:g} s{headers}{body}"
