"""No secret stands in the file: those have variables, whose values are in the environment or in `.env`."""

from .secrets import LOOKS, literal, named
from .verdict import fault, hold


def check(stack):
    """No key, token or password written into the file: a variable stands in its place."""
    source, found = stack.source, set()
    for service in stack.services.values():
        for path in (service.at("environment"), service.at("labels"), service.at("build", "args")):
            for name in filter(named, source.names(*path)):
                text = source.text_of(*path, name) or ""
                if literal(text):
                    found.add(source.line(*path, name))
                problem = f"{name} is written into the file: write ${{{_variable(name)}:-}}, and its value into the environment"
                yield hold(f"{service.name}'s {name} comes from a variable", (*path, name), not literal(text), problem)
        if "PROXY_API_KEY" not in service.environment and service is stack.front:
            yield hold(
                "the front is given PROXY_API_KEY",
                service.at("environment"),
                bool(service.environment.get("PROXY_API_KEYS_FILE")),
                "the front has neither PROXY_API_KEY nor PROXY_API_KEYS_FILE: add PROXY_API_KEY: ${PROXY_API_KEY:-}",
            )
    for number, line in enumerate(source.text.splitlines(), 1):
        # One with a variable in it, as a URL may have, is none.
        if number not in found and any("$" not in match[0] for match in LOOKS.finditer(line)):
            problem = (
                "something that looks like a key or a password stands here: take it out, and make it anew where it was good"
            )
            yield fault((number,), problem)


def _variable(name):
    return name.rpartition(".")[2].upper().replace("-", "_")
