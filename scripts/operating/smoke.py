"""`scripts/smoke`: a quick and honest proof that the API works through its public door, in one piece and as a stream."""

import argparse
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from .cli import FAILED, GOOD, MISSING, ROOT, USAGE, Failure, Settings, complain, parser, say
from .dev_stack import LOCAL_DOMAIN, LOCAL_PORT
from .evidence import Evidence
from .programs import need
from .smoking import checks, defaults
from .smoking.curl import Door
from .smoking.run import Run, describe

PROD, DEV, EDGE = "prod", "dev", "dev-edge"
#: Where the dev stack publishes its front; production's is at 11435.
ORIGIN = "http://127.0.0.1:11436"
LOOPBACK = ("127.0.0.1", "::1", "localhost")

DESCRIPTION = """Asks the API through its public door, as clients do, and judges each answer. Every check is made, whatever became of the
others; each is one line. Nothing is changed; two short chats are asked of the model.
"""
EPILOG = """settings, from the environment and the file of --env-file, which is .env, or .env.dev for the dev ones:
  prod           DOMAIN or APP_DOMAIN; KEY or PROXY_API_KEY
                 Any of the environment goes before any of the file.
  dev, dev-edge  DEV_DOMAIN or DOMAIN; DEV_KEY, KEY or PROXY_API_KEY
                 The name goes before the place: DEV_DOMAIN of the environment, then of the file, then DOMAIN of the environment, then
                 of the file; keys likewise. So production's in the environment are never taken for the dev stack's in .env.dev.
                 With no domain and no --url it is the dev stack of this host (scripts/dev-stack up): its address is
                 https://codex-dev.localhost:DEV_PORT [8443] at 127.0.0.1, its certificate Traefik's own, its key DEV_KEY alone.
  all            PROXY_PROTECT_MODELS, PROXY_ENABLE_CORS and PROXY_CORS_ALLOWED_ORIGINS, where no option says otherwise

dev-edge also asks the origin directly, and says where an answer that is missing was lost.

The two chats' answers are in /tmp/nonstream.out and /tmp/stream.out, all answers in test-results/smoke-*. The key is in none.
"""


@dataclass(frozen=True)
class Kind:
    """What one of the three is by default."""

    env_file: str
    domain: tuple
    key: tuple
    model: str
    #: Seconds for the chat in one piece.
    timeout: float
    #: It has names of its own; the others are production's, too, and may be in the environment for that.
    dev: bool = False

    def find(self, settings, names):
        """The value that the first of these names has; none where they have none."""
        if not self.dev:
            return settings.get(*names)
        for name in names:
            value = settings.get(name)
            if value is not None:
                return value
        return None

    def need(self, settings, names):
        value = self.find(settings, names)
        # It says what is missing.
        return settings.need(*names) if value is None else value


_DEV = Kind(".env.dev", ("DEV_DOMAIN", "DOMAIN"), ("DEV_KEY", "KEY", "PROXY_API_KEY"), "codev-5", 10, True)
KINDS = {
    PROD: Kind(".env", ("DOMAIN", "APP_DOMAIN"), ("KEY", "PROXY_API_KEY"), "codex-5", 60),
    DEV: _DEV,
    EDGE: replace(_DEV, timeout=60),
}


def options(arguments):
    words = parser(DESCRIPTION, EPILOG)
    add = words.add_argument
    add("what", choices=KINDS, help="which door")
    add("--url", help="the door's URL, in the place of https://DOMAIN")
    add("--resolve", action="append", default=[], metavar="HOST:PORT:ADDR", help="where the host is, past DNS; may be repeated")
    add("--cacert", metavar="FILE", help="the authority that the server's certificate must be from")
    add("--insecure", action="store_true", help="take any certificate: whoever is in between reads the key")
    add("--env-file", metavar="FILE", help="settings [.env, or .env.dev for the dev ones]")
    add("--model", help="[codex-5, or codev-5 for the dev ones]")
    add("--prompt", default="Say hello.", help="[%(default)s]")
    add("--timeout", type=seconds, metavar="S", help="for the chat in one piece [60; dev 10]")
    add("--stream-timeout", type=seconds, default=60, metavar="S", help="for the stream [%(default)s]")
    add("--wait", type=seconds, metavar="S", help="first wait so long for the door to open, such as after a deployment")
    both = argparse.BooleanOptionalAction
    add("--protected-models", action=both, help="whether models need a key [PROXY_PROTECT_MODELS]")
    add("--cors", action=both, help="whether to check what browsers need [PROXY_ENABLE_CORS]")
    listed = f"[the first of PROXY_CORS_ALLOWED_ORIGINS, else {defaults.PAGE}]"
    add("--page", metavar="ORIGIN", help=f"check it, for the page that a browser would be on {listed}")
    add("--origin", metavar="URL", help=f"dev-edge: the front itself [{ORIGIN}, where it listens]")
    add("--out-dir", default="/tmp", metavar="DIR", help="for nonstream.out and stream.out [/tmp]")
    add("--out", metavar="DIR", help="for all other evidence [test-results/smoke-…]")
    add("--dry-run", action="store_true", help="print what would be asked; ask nothing, write nothing")
    return words.parse_args(arguments)


def seconds(text):
    """A time that ends."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not (math.isfinite(value) and 0 < value <= 3600):
        raise argparse.ArgumentTypeError("a number of seconds, more than 0 and at most 3600")
    return value


def base(text, name):
    """A URL that paths are put behind."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username is not None or parts.query or parts.fragment or re.search(r"[^!-~]", text):
        raise Failure(f"{name} is no URL such as https://api.example.com", USAGE)
    return text.rstrip("/")


def local(chosen, kind, settings):
    """Whether it is the dev stack of this host, as nothing says which else."""
    return kind.dev and not chosen.url and kind.find(settings, kind.domain) is None


def door(chosen, kind, settings):
    """The door, from --url or the domain."""
    resolve, insecure = tuple(chosen.resolve), chosen.insecure
    if local(chosen, kind, settings):
        port = settings.get("DEV_PORT", default=LOCAL_PORT)
        url = base(f"https://{LOCAL_DOMAIN}:{port}", "the dev stack's address with DEV_PORT")
        # Any certificate is taken on loopback alone: of an address that somebody named there may be another host behind.
        if not (resolve or chosen.cacert or insecure):
            resolve, insecure = (f"{LOCAL_DOMAIN}:{port}:127.0.0.1",), True
            say(f"note    no DEV_DOMAIN: the dev stack of this host, {url} at 127.0.0.1; its certificate, Traefik's own, is not checked")
    elif chosen.url:
        url = base(chosen.url, "--url")
    else:
        domain = kind.need(settings, kind.domain)
        if not re.fullmatch(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?", domain):
            raise Failure(f"{' or '.join(kind.domain)} is no name of a host: {domain!r}", USAGE)
        url = base(f"https://{domain}", "the domain")
    for words in resolve:
        if not re.fullmatch(r"[^\s:]+:[0-9]+:\S+", words):
            raise Failure(f"--resolve takes HOST:PORT:ADDR, not {words!r}", USAGE)
    if chosen.cacert and not Path(chosen.cacert).is_file():
        raise Failure(f"--cacert: there is no file {chosen.cacert}", MISSING)
    if chosen.insecure:
        complain("WARNING: --insecure: any certificate is taken. Whoever is in between reads the key; this proves nothing about TLS.")
    if url.startswith("http:") and urlsplit(url).hostname not in LOOPBACK:
        complain(f"WARNING: {url} is not encrypted: whoever is in between reads the key.")
    return Door(url, resolve, chosen.cacert, insecure)


def wanted(chosen, kind, settings):
    # The dev stack of this host has DEV_KEY alone (scripts/dev-stack); no other key is shown to a certificate that nobody checks.
    names = kind.key[:1] if local(chosen, kind, settings) else kind.key
    key = kind.need(settings, names)
    if not re.fullmatch(r"[!-~]+", key):
        raise Failure(f"the key ({' or '.join(names)}) has spaces or characters that no key has", USAGE)
    return checks.Wanted(
        key=key,
        model=chosen.model or kind.model,
        prompt=chosen.prompt,
        timeout=chosen.timeout or kind.timeout,
        stream_timeout=chosen.stream_timeout,
        page=defaults.page(chosen.cors, chosen.page, settings),
        protected_models=defaults.protected(chosen.protected_models, settings),
    )


def settings_of(chosen, kind):
    """The settings. The usual file may be missing: all may be in the environment. A file that somebody named may not."""
    usual = ROOT / kind.env_file
    file = Path(chosen.env_file or usual)
    if not file.is_file() and file.resolve() != usual.resolve():
        raise Failure(f"--env-file: there is no file {file}", MISSING)
    return Settings(file)


def dry_run(way, what, origin):
    """Says what would be asked."""
    for check in checks.all_checks(what):
        say(f"{check.name}: {describe(check.request, way.base, what.key)}")
    if origin:
        for check in (checks.alive(min(checks.QUICK, what.timeout)), *checks.chats(what)):
            say(f"origin-{check.name}, where it listens: {describe(check.request, origin, what.key)}")


def main(arguments):
    chosen = options(arguments)
    kind = KINDS[chosen.what]
    if chosen.origin and chosen.what != EDGE:
        raise Failure("--origin goes with dev-edge", USAGE)
    settings = settings_of(chosen, kind)
    what, way = wanted(chosen, kind, settings), door(chosen, kind, settings)
    origin = base(chosen.origin or ORIGIN, "--origin") if chosen.what == EDGE else None
    curl = need("curl")
    if chosen.dry_run:
        dry_run(way, what, origin)
        return GOOD
    evidence = Evidence(f"smoke-{chosen.what}", chosen.out)
    run = Run(curl, what, evidence, chosen.out_dir)
    try:
        if chosen.wait:
            run.wait(way, chosen.wait)
        results = run.door(way)
        if origin:
            run.read_edge(results, run.origin(origin, bool(chosen.origin)))
    finally:
        evidence.close(url=way.base, model=what.model, insecure=way.insecure)
    failed = [check["name"] for check in evidence.failed]
    say()
    say(f"answers: {', '.join(map(str, run.files.values()))}; all: {evidence.folder}")
    if failed:
        complain(f"{way.base}: {len(failed)} of {len(evidence.summary['checks'])} checks FAILED: {', '.join(failed)}")
        return FAILED
    say(f"{way.base} is well: {len(evidence.summary['checks'])} checks")
    return GOOD
