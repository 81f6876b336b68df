"""What looks like a secret: by the name of its file, by its shape, by the variable that holds it. Its value is never told.

Documents and tests have example keys. What tells them from real ones is chance: see `random`."""

import re

#: Files that hold nothing but secrets, and files of settings that must not be shared.
NAMES = (
    (re.compile(r"\.env(\..+)?"), "settings with secrets belong into no tree and no image"),
    (re.compile(r"auth\.json"), "a login of codex"),
    (re.compile(r"id_(rsa|dsa|ecdsa|ed25519)"), "a private key of SSH"),
    (re.compile(r".+\.(p12|pfx|jks|keystore)"), "a store of private keys"),
    (re.compile(r"\.(netrc|pgpass|git-credentials)"), "a file of passwords"),
)
#: What is there to be copied, and holds no value of anybody's.
SAMPLES = re.compile(r"\.env\.(example|sample|template|dist)")

#: Shapes that their issuers gave them: the pattern, what it is, and whether chance must be seen in it (in its last group).
SHAPES = (
    (re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"), "a private key", False),
    # OpenAI's, Anthropic's and our own: `sk-codex-` and 43 characters. Words before the random part count for nothing.
    (re.compile(rb"(?<![\w-])sk-(?:[a-z]+[0-9]{0,2}-)*([\w-]{20,})"), "an API key (sk-…)", True),
    (re.compile(rb"(?<!\w)(?:gh[opsur]_|github_pat_)(\w{30,})"), "a token of GitHub", True),
    (re.compile(rb"(?<!\w)glpat-([\w-]{20,})"), "a token of GitLab", True),
    (re.compile(rb"(?<!\w)npm_(\w{36})(?!\w)"), "a token of npm", True),
    (re.compile(rb"(?<!\w)xox[abprs]-([\w-]{20,})"), "a token of Slack", True),
    (re.compile(rb"(?<!\w)(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)"), "an access key of AWS", False),
    (re.compile(rb"(?<!\w)AIza([\w-]{35})(?!\w)"), "a key of Google", True),
    (re.compile(rb"(?<!\w)eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.([\w-]{20,})"), "a signed token (JWT)", True),
)
#: Anything random that is given to a name that says what it is.
ASSIGNED = (
    re.compile(
        rb"(?i)(?:api[_-]?key|secret|token|passw(?:or)?d|passphrase|credential)s?[\"']?\s*(?::|=>|=)\s*[\"']?(?:bearer\s+)?"
        rb"([A-Za-z0-9+/_-]{24,})"
    ),
    "a random value under the name of a secret",
    True,
)
#: An example that says so.
EXAMPLE = re.compile(rb"(?i)example|placeholder|dummy|redacted|x{8}")

#: The last word of a variable that holds a secret. Plurals such as MAX_TOKENS are numbers, and …_FILE, …_DIR name a place.
SECRET_WORDS = {"KEY", "TOKEN", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "HEADERS"}
VARIABLE = re.compile(r"(?<![\w$])([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|[^\s\"']+)")


def random(text):
    """Whether characters follow each other by chance.

    What people write has words, runs and rows of one character: upper case, lower case and digits seldom change places. In
    a random text they do so at two of three places (base64) or at nearly every second one (hexadecimal). One place in five
    is below what chance does, and above what people do."""
    kinds = [0 if 48 <= byte < 58 else 1 if 65 <= byte < 91 else 2 for byte in text if byte not in b"-_+/=."]
    changes = sum(before != after for before, after in zip(kinds, kinds[1:]))
    return 0 in kinds and changes * 5 >= len(kinds)


def by_name(path):
    """Why a file of this name is a secret, or None."""
    name = path.rsplit("/", 1)[-1]
    if SAMPLES.fullmatch(name):
        return None
    return next((why for pattern, why in NAMES if pattern.fullmatch(name)), None)


def in_content(data, assigned=True):
    """Line and kind of each secret in a file. Without `assigned` only those whose shape alone says what they are."""
    found = {}
    for pattern, what, chance in (*SHAPES, *([ASSIGNED] if assigned else [])):
        for match in pattern.finditer(data):
            if not EXAMPLE.search(match[0]) and (not chance or random(match[match.lastindex])):
                # The shape says more than the name that it is given to.
                found.setdefault(data.count(b"\n", 0, match.end()) + 1, what)
    return sorted(found.items())


def named(variable):
    """Whether a variable of this name holds a secret."""
    return variable.upper().rsplit("_", 1)[-1] in SECRET_WORDS


def variables(text):
    """The names of variables in a line of commands that are given a secret."""
    given = ((name, value.strip("\"'")) for name, value in VARIABLE.findall(text))
    # `$OTHER` and `$(program)` are places of a value, not the value.
    return [name for name, value in given if named(name) and value and not value.startswith("$")]
