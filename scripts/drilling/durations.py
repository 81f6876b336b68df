"""Compresses time in Prometheus's files: every duration divided by a factor, everything else left as it is.

Durations are those of PromQL in brackets and behind `offset`, and the values of the keys in KEYS. Texts (label matchers,
annotations) and names (`rate5m`) are not touched. It reads the YAML that this repository writes: block style, expressions
plain on one line or as a literal block (`|`).
"""

import re

KEYS = ("for", "keep_firing_for")
#: How often something is done: no oftener than each FLOOR milliseconds, which is also how long a scrape may take: a busy machine keeps up with that.
INTERVALS = ("interval", "scrape_interval", "evaluation_interval")
FLOOR = 500
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
PART = re.compile(r"(\d+)(ms|[smhdwy])")
TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<comment>\#.*)|(?P<name>(?:[A-Za-z_]|:(?=[A-Za-z_]))[\w:]*)"""
    r"""|(?P<duration>(?:\d+(?:ms|[smhdwy]))+(?!\w))|(?P<number>\d[\w.]*)|(?P<other>.)""",
    re.S,
)


def milliseconds(duration):
    """The length of a duration such as `1h30m`."""
    if not DURATION.fullmatch(duration):
        raise ValueError(f"{duration!r} is no duration")
    return sum(int(number) * UNITS[unit] for number, unit in PART.findall(duration))


def compressed(duration, factor, least=1):
    """The duration divided by `factor`, at least so many milliseconds."""
    return f"{max(least, round(milliseconds(duration) / factor))}ms"


def expression(text, factor):
    """A PromQL expression in compressed time."""
    out, brackets, offset = [], 0, False
    for token in TOKEN.finditer(text):
        kind, value = token.lastgroup, token.group()
        if kind == "duration" and (brackets or offset):
            value = compressed(value, factor)
        if value == "[":
            brackets += 1
        elif value == "]":
            brackets -= 1
        if not value.isspace() and value != "-":
            offset = kind == "name" and value == "offset"
        out.append(value)
    return "".join(out)


def document(text, factor):
    """A file of rules, or prometheus.yml, in compressed time."""
    out, block = [], None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line.strip() or indent > block):
            out.append(expression(line, factor))
            continue
        block = None
        found = re.fullmatch(r"(\s*(?:- )?)([\w-]+):(\s+)(.*)", line)
        if found:
            lead, key, space, value = found.groups()
            if key == "expr" and re.fullmatch(r"[|>][-+]?", value):
                block = len(lead.replace("-", " "))
            elif key == "expr":
                line = f"{lead}{key}:{space}{expression(value, factor)}"
            elif key in KEYS + INTERVALS:
                least = FLOOR if key in INTERVALS else 1
                line = f"{lead}{key}:{space}{compressed(value.strip(), factor, least)}"
        out.append(line)
    return "\n".join(out) + "\n"
