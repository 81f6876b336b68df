"""What must be shown to nobody: which names hold secrets, what looks like one, and both taken out of what is written."""

import re

SHOWN = "(secret)"
#: Names of variables and labels; `PROXY_API_KEYS_FILE` is a path and `PROXY_API_KEY_PROFILES` a list, so the end counts.
NAME = re.compile(
    r"(?:^|[_.-])(?:key|token|secret|password|passwd|credentials?|headers|authorization|(?:basic|digest)auth\.users)$",
    re.IGNORECASE,
)
#: What is one wherever it stands: keys of OpenAI's shape, private keys, and passwords in URLs.
LOOKS = re.compile(
    r"\bsk-[A-Za-z0-9_-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|\bBearer\s+[A-Za-z0-9._~+/-]{8,}"
)
#: A variable whose default, if it has one, is empty: what a secret must be.
VARIABLE = re.compile(r"\$\{\w+(?::?-)?\}|\$\{\w+:?\?[^{}]*\}|\$\w+")
#: Shorter ones would be taken out of words that have nothing to do with them.
SHORTEST = 8


def named(name):
    """Whether what this is the name of is a secret."""
    return bool(NAME.search(name))


def literal(text):
    """Whether a secret's text in the file has more than variables in it."""
    while VARIABLE.search(text):
        # Again, for one in the default of another.
        text = VARIABLE.sub("", text)
    return bool(text.strip())


class Cleaner:
    """Takes secrets out: those of `values`, which are known, and whatever looks like one."""

    def __init__(self, values):
        values = {part for value in values for part in (value, value.strip("'\"")) if len(part) >= SHORTEST}
        self._values = sorted(values, key=len, reverse=True)

    def text(self, text):
        for value in self._values:
            text = text.replace(value, SHOWN)
        return LOOKS.sub(SHOWN, text)

    def tree(self, value, name=""):
        """A rendered configuration with its secrets taken out."""
        if isinstance(value, dict):
            return {key: self.tree(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.tree(inner) for inner in value]
        if isinstance(value, str) and value:
            return SHOWN if named(name) else self.text(value)
        return value


def of(tree, name=""):
    """The values of a rendered configuration whose names say that they are secrets."""
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield from of(inner, key)
    elif isinstance(tree, str) and tree and named(name):
        yield tree
