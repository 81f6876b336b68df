"""`scripts/dev-stack`: makes what the dev stack needs, starts it, and takes it away again."""

import os
import secrets

from . import programs
from .cli import GOOD, MISSING, ROOT, USAGE, Failure, Settings, parser, say
from .evidence import Evidence
from .stack import DEV, Stack, changing

ABOUT = """The dev stack of compose/compose.dev.stack.yml: the pair behind a Traefik of its own, with a scripted upstream (no login, no
quota), a collector, Prometheus and, with --grafana, Grafana with the dashboards. All on this host's loopback.

up      make the network `traefik`, the key (DEV_KEY, kept in .env.dev) and codex's folder if they are missing; build; start; wait
down    stop it and take its containers and networks away; --volumes its data, too
status  what runs

Settings come from the environment, else from .env.dev: DEV_KEY, DEV_DOMAIN, DEV_PORT, and what the compose file reads. Production's
KEY, PROXY_API_KEY and DOMAIN are not taken."""

#: Where Traefik answers on this host, unless DEV_DOMAIN and DEV_PORT say otherwise.
LOCAL_DOMAIN, LOCAL_PORT = "codex-dev.localhost", "8443"
#: Owner of what the containers write to.
WORKER, GROUP = 10001, 10000
SCRIPTED = """# Written by `scripts/dev-stack up`: codex asks the scripted upstream of the dev stack.
model = "gpt-5.5"
model_provider = "scripted"

[model_providers.scripted]
name = "scripted"
base_url = "http://upstream:8080/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
"""


def main(arguments):
    options = parser(ABOUT)
    options.add_argument("action", choices=["up", "down", "status"])
    changing(options, "dev-stack", ".env.dev")
    options.add_argument("--no-build", action="store_true", help="start the images that are there")
    options.add_argument("--real", action="store_true", help="codex's folder is .codev, with a login of its own, and the real provider")
    options.add_argument("--grafana", action="store_true", help="Grafana, too")
    options.add_argument("--volumes", action="store_true", help="with down: the data of Prometheus and the front, too")
    options = options.parse_args(arguments)
    programs.need("docker")
    settings = Settings(options.env_file)
    home = ROOT / (".codev" if options.real else ".codev-scripted")
    key = settings.get("DEV_KEY")
    if key is None and options.action == "up":
        key = _new_key(settings.file, options.dry_run)
    domain, port = settings.get("DEV_DOMAIN", default=LOCAL_DOMAIN), settings.get("DEV_PORT", default=LOCAL_PORT)
    uid = _uid(settings)
    extra = {
        # `down` and `status` need no key, but the file asks for one.
        "DEV_KEY": key or "none",
        "DEV_HOME_DIR": str(home),
        "DEV_DOMAIN": domain,
        # For the file that this one extends: it is read, though none of its routers is left.
        "DOMAIN": domain,
        "CODEX_UID": str(uid),
    }
    profile = "grafana" if options.grafana or options.action == "down" else None
    stack = Stack(DEV, settings, options.dry_run, extra, profile)
    if options.action == "status":
        say(stack.ask("ps"))
        return GOOD
    if options.action == "down":
        stack.run("down", "--remove-orphans", *(["--volumes"] if options.volumes else []))
        return GOOD
    evidence = Evidence("dev-stack", options.out, keep=not options.dry_run)
    try:
        _up(options, stack, home, uid, evidence)
        evidence.check("up")
    except Failure as failure:
        evidence.check("up", str(failure))
        raise
    finally:
        evidence.close()
    say(f"API:        https://{domain}:{port}/v1 (key: DEV_KEY in {settings.file.name}; Traefik's own certificate)")
    say("Prometheus: http://127.0.0.1:9091" + ("   Grafana: http://127.0.0.1:3000" if options.grafana else ""))
    say("spans:      docker logs -f codex-gateway-dev-collector-1")
    say(f"try it:     {_smoke(options, settings, domain, port)}")
    return GOOD


def _smoke(options, settings, domain, port):
    """How to ask this stack. Without options `scripts/smoke dev` asks it only where no domain names another door."""
    words = ["scripts/smoke dev"]
    if settings.file.resolve() != (ROOT / ".env.dev").resolve():
        words.append(f"--env-file {options.env_file}")
    if settings.get("DEV_DOMAIN", "DOMAIN"):
        words.append(f"--insecure --url https://{domain}:{port} --resolve {domain}:{port}:127.0.0.1")
    return " ".join(words)


def _uid(settings):
    """Whom the worker runs as. Whoever may not give files away has it run as themselves."""
    if os.geteuid():
        return os.geteuid()
    uid = settings.get("CODEX_UID", default=str(WORKER))
    if not uid.isascii() or not uid.isdigit():
        raise Failure(f"CODEX_UID is no number of a user: {uid!r}", USAGE)
    return int(uid)


def _up(options, stack, home, uid, evidence):
    _home(home, uid, options)
    if programs.run(["docker", "network", "inspect", "traefik"]).returncode:
        say("+ docker network create traefik")
        if not options.dry_run and (done := programs.run(["docker", "network", "create", "traefik"])).returncode:
            raise Failure(f"the network traefik can't be made: {done.stderr.strip()}")
    if not options.no_build:
        stack.run("build", evidence=evidence, name="build.log")
    stack.up(options.wait, evidence=evidence)


def _home(home, uid, options):
    """codex's folder, which the worker's user can write to."""
    if options.real:
        return _login(home, uid)
    say(f"+ write {home.name}/config.toml")
    if options.dry_run:
        return
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "config.toml").write_text(SCRIPTED, encoding="utf-8")
        if os.geteuid() == 0:
            for path in [home, home / "config.toml"]:
                os.chown(path, uid, GROUP)
    except OSError as error:
        raise Failure(f"{home} can't be written: {error}; without a login in it, it can be taken away") from error


def _login(home, uid):
    """The folder with a login is there, and the worker's user can read and write it."""
    remedy = f"log in with CODEX_HOME={home.name} codex login, or leave --real out"
    if not home.is_dir():
        raise Failure(f"there is no folder {home}: {remedy}", MISSING)
    _owned(home, home, uid)
    if not (home / "auth.json").is_file():
        raise Failure(f"{home} has no auth.json: {remedy}", MISSING)
    for name in ("auth.json", "config.toml"):
        if (home / name).exists():
            _owned(home / name, home, uid)


def _owned(path, home, uid):
    owner = path.stat().st_uid
    if owner != uid:
        raise Failure(f"{path} belongs to uid {owner}, and the worker runs as {uid}: `chown -R {uid}:{GROUP} {home.name}`")


def _new_key(file, dry_run):
    """A key for the dev stack, kept where `scripts/smoke dev` reads it."""
    say(f"+ write DEV_KEY to {file.name}")
    key = f"sk-dev-{secrets.token_hex(24)}"
    if not dry_run:
        with open(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b") as out:
            # A last line without an end is not to grow.
            out.seek(0)
            text = out.read()
            start = b"" if not text or text.endswith(b"\n") else b"\n"
            out.write(start + f"DEV_KEY={key}\n".encode())
    return key
