"""What must not stand in a `config.toml` that goes to production: no secret, no provider of a test.

A problem names the key's path or the line, never the value.
"""

import ipaddress
import re
import tomllib
import urllib.parse

#: Names of keys whose value is a secret, once dashes are underscores. `env_key` and `…_env_var` hold names of variables.
SECRET_KEY = re.compile(
    r"(^|_)((api|access|secret|private|auth|encryption)_?key|token|password|passwd|passphrase|secret|credentials?|authorization"
    r"|bearer|cookie)$"
)
#: What secrets look like, wherever they stand.
SECRET_VALUE = re.compile(
    r"\bsk-[A-Za-z0-9_-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[A-Za-z0-9-]{10,}|(?i:\bbearer\s+[A-Za-z0-9._~+/=-]{8,})|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@]*:[^/\s@]+@"
)
#: An option of a command line that takes a secret; with `=`, its value too.
SECRET_OPTION = re.compile(r"--?([A-Za-z0-9-]+)(=.+)?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: The table that names the variables which headers come from.
FROM_VARIABLES = "env_http_headers"
#: Built into codex, and on this machine.
LOCAL_PROVIDERS = ("ollama", "lmstudio", "oss")
SCRIPTED = "scripted"
#: Addresses that stand outside of `model_providers`.
ADDRESSES = ("openai_base_url", "chatgpt_base_url")


def parsed(data):
    """The document and None, or None and why it is none."""
    try:
        return tomllib.loads(data.decode()), None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, f"is no UTF-8 (line {line})"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # What else the message says may be part of the file.
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        return None, f"is no TOML ({f'line {place[1]}, column {place[2]}' if place else 'at its end'})"


def problems(data, any_provider=False):
    """Why this `config.toml` can't be copied; nothing where it can."""
    document, broken = parsed(data)
    if broken:
        return [broken]
    return [*secrets(document, data.decode()), *([] if any_provider else providers(document))]


def secrets(document, text):
    """Where secrets stand: keys by their path, comments by their line."""
    seen, found = set(), []
    for path, parent, value in values(document):
        if told := secret(path, parent, value):
            found.append(f"{shown(path)} {told}; keep it out of the file (env_key names a variable)")
            seen.add(str(value))
    for number, line in enumerate(text.splitlines(), 1):
        match = SECRET_VALUE.search(line)
        if match and not any(match[0] in value for value in seen):
            found.append(f"line {number} has what looks like a secret")
    return found


def values(node, path=()):
    """Each value that is no table and no array, with its path and the array or table that it stands in."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, (dict, list)):
            yield from values(value, (*path, key))
        else:
            yield (*path, key), node, value


def secret(path, parent, value):
    """What makes a value a secret, or None."""
    if any(SECRET_VALUE.search(str(key)) for key in path):
        return "looks like a secret itself"
    if isinstance(value, bool) or value == "":
        return None
    if SECRET_VALUE.search(str(value)):
        return "looks like a secret"
    if FROM_VARIABLES in path and VARIABLE.fullmatch(str(value)):
        return None
    # Of an array the key is the array's own.
    name = next(key for key in reversed(path) if isinstance(key, str))
    if SECRET_KEY.search(plain(name)):
        return "is a secret by its name"
    if isinstance(path[-1], int) and option(parent, path[-1]):
        return "is a secret by the option that it stands for"
    return None


def option(array, place):
    """Whether this word of a command line is the value of an option that takes a secret."""
    match = SECRET_OPTION.fullmatch(str(array[place]))
    if match and match[2]:
        return bool(SECRET_KEY.search(plain(match[1])))
    earlier = SECRET_OPTION.fullmatch(str(array[place - 1])) if place else None
    return bool(earlier and not earlier[2] and SECRET_KEY.search(plain(earlier[1])))


def plain(name):
    return name.replace("-", "_").lower()


def shown(path):
    """A path as TOML writes it. A key that looks like a secret isn't told, nor one that could write on a terminal."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
            continue
        key = "…" if SECRET_VALUE.search(key) else key if key.isprintable() else ascii(key)
        text += f".{key}" if text else key
    return text


def providers(document):
    """Where the models would be asked that are no service: this machine, the scripted upstream, or without TLS."""
    found = []
    defined = table(document, "model_providers")
    for where, name in chosen(document):
        if name == SCRIPTED:
            found.append(f"{where} is the scripted upstream of a test")
        elif name in LOCAL_PROVIDERS and name not in defined:
            found.append(f"{where} is a server on this machine")
        elif why := unfit(table(defined, name).get("base_url")):
            found.append(f"{where}: base_url of {shown((name,))} {why}")
    found += [f"{name} {why}" for name in ADDRESSES if (why := unfit(document.get(name)))]
    return [f"{problem}; --allow-provider copies it nevertheless" for problem in found]


def chosen(document):
    """The providers that are asked: the file's, and those of its profiles."""
    profiles = table(document, "profiles")
    for prefix, node in (((), document), *((("profiles", name), table(profiles, name)) for name in profiles)):
        if isinstance(node.get("model_provider"), str):
            yield shown((*prefix, "model_provider")), node["model_provider"]


def table(node, name):
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def unfit(address):
    """Why a production doesn't ask this address, or None."""
    if not isinstance(address, str):
        return None
    try:
        parts = urllib.parse.urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return "is no address"
    if host == "localhost" or host.endswith(".localhost"):
        return "is this machine"
    try:
        number = ipaddress.ip_address(host)
        if number.is_loopback or number.is_unspecified:
            return "is this machine"
    except ValueError:
        pass  # A name.
    return None if parts.scheme == "https" else "is not https"
