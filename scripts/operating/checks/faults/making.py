"""How a fault is made in the compose file's text, and the places in it that are named often."""

from typing import NamedTuple

ROUTERS = "      traefik.http.routers."
RULE = {name: f"{ROUTERS}codex-{name}.rule:" for name in ("api", "preflight", "models", "health")}
HOST = "Host(`${DOMAIN}`) && "
MODELS = "PathPrefix(`/v1/models`) && (Method(`GET`) || Method(`HEAD`))"
MIDDLEWARES = {name: f"{ROUTERS}codex-{name}.middlewares:" for name in RULE}
API = "middlewares: codex-cors,codex-headers,codex-ratelimit,codex-auth"
LABELS = '    labels:\n      traefik.enable: "true"'
FRONT_ENV, FRONT_PORTS = "    environment:\n      <<: *both\n      PROXY_API_KEY:", "    ports:\n"
FRONT_NETS, INTERNAL = "    networks:\n      # Ports", "      internal:\n        aliases:"
WORKER, FRONT = "  worker:\n", "  front:\n"
HOME = "      - type: bind\n        source: ${CODEX_HOME_DIR"
WORKER_VOLUMES, FRONT_VOLUMES = "    volumes:\n      - type: bind", "    volumes:\n      - run:/run/codex:ro"
AUTH = "      traefik.http.middlewares.codex-auth.forwardauth."
#: Of a real one's shape; nobody's.
KEY = "-".join(("sk", "planted", "0123456789abcdefghij"))


class Fault(NamedTuple):
    #: What becomes of the file's text.
    change: object
    #: The beginnings of the lines that must be named, each once in the changed text; no others may be.
    at: tuple
    #: Words that must be told.
    told: str
    #: Variables that the file is rendered with, as (name, value).
    variables: tuple = ()


def swap(old, new):
    """Puts `new` in the place of `old`, which must be there once."""

    def change(text):
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        return text.replace(old, new)

    return change


def same(text):
    return text


def add(after, new):
    """Puts lines behind the line that begins so."""

    def change(text):
        assert text.count(after) == 1, f"{after!r} is there {text.count(after)} times"
        end = text.index("\n", text.index(after) + len(after.rstrip("\n"))) + 1
        return text[:end] + new + "\n" + text[end:]

    return change


def drop(words):
    """Takes each line with these words out."""

    def change(text):
        assert words in text, words
        return "".join(line for line in text.splitlines(keepends=True) if words not in line)

    return change


def each(old, new):
    """Puts `new` in the place of every `old`."""

    def change(text):
        assert old in text, old
        return text.replace(old, new)

    return change


def both(*changes):
    def change(text):
        for one in changes:
            text = one(text)
        return text

    return change


def at(*places):
    return places
