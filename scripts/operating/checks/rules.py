"""Traefik's rules, as far as ours need them: parsed, and asked whether they match a request. Pure."""

import re
from typing import NamedTuple

TOKEN = re.compile(r"""\s*(?:(&&|\|\||[!(),])|`([^`]*)`|"([^"\\]*)"|([A-Za-z]\w*))""")


class Request(NamedTuple):
    method: str
    path: str
    host: str = ""

    def __str__(self):
        return f"{self.method} {self.path}"


class RuleError(Exception):
    """A rule that can't be judged, and why."""


#: What we judge. The order of arguments is Traefik's.
MATCHERS = {
    "host": lambda value, request: request.host.lower() == value.lower(),
    "method": lambda value, request: request.method == value.upper(),
    "path": lambda value, request: request.path == value,
    "pathprefix": lambda value, request: request.path.startswith(value),
}


class Rule:
    """A rule: `matches(request)`, and the `hosts` that it names."""

    def __init__(self, text):
        self.text, self.hosts = text, set()
        self._tokens, at = [], 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None:
                raise RuleError(f"`{text[at:].strip()[:20]}` can't be read")
            mark, quoted, double, name = found.groups()
            value = quoted if quoted is not None else double
            self._tokens.append(("mark", mark) if mark else ("name", name) if name else ("text", value))
            at = found.end()
        self._matches = self._either()
        if self._tokens:
            raise RuleError(f"`{self._tokens[0][1]}` stands where the rule should end")

    def matches(self, request):
        return self._matches(request)

    def _take(self, kind, value=None):
        """The next token's text where it is of that kind, else None."""
        if self._tokens and self._tokens[0][0] == kind and value in (None, self._tokens[0][1]):
            return self._tokens.pop(0)[1]
        return None

    def _either(self):
        sides = [self._both()]
        while self._take("mark", "||"):
            sides.append(self._both())
        return lambda request: any(side(request) for side in sides)

    def _both(self):
        sides = [self._one()]
        while self._take("mark", "&&"):
            sides.append(self._one())
        return lambda request: all(side(request) for side in sides)

    def _one(self):
        if self._take("mark", "!"):
            inner = self._one()
            return lambda request: not inner(request)
        if self._take("mark", "("):
            inner = self._either()
            if not self._take("mark", ")"):
                raise RuleError("a `)` is missing")
            return inner
        name = self._take("name")
        if name is None:
            raise RuleError("it ends too early" if not self._tokens else f"`{self._tokens[0][1]}` is out of place")
        matcher = MATCHERS.get(name.lower())
        if matcher is None:
            raise RuleError(f"`{name}` is a matcher that this check can't judge; use Host, Method, Path and PathPrefix")
        value = self._take("text") if self._take("mark", "(") else None
        if value is None or not self._take("mark", ")"):
            raise RuleError(f"`{name}` needs one text in backticks, such as {name}(`…`)")
        if name.lower() == "host":
            self.hosts.add(value.lower())
        return lambda request: matcher(value, request)


def winner(rules, request):
    """The name whose rule gets a request, of {name: (Rule, priority or None)}: the highest priority, which is the rule's length
    where none is given. None where no rule matches, or where two that match are equal: chance decides then."""
    matching = sorted(
        ((priority or len(rule.text.encode()), name) for name, (rule, priority) in rules.items() if rule.matches(request)),
        reverse=True,
    )
    if not matching or (len(matching) > 1 and matching[0][0] == matching[1][0]):
        return None
    return matching[0][1]
