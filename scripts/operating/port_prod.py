"""`scripts/port-prod`: checks, syncs, keeps the state, builds, deploys and smokes, in this order, and stops at the first failure."""

import json
import tempfile
from pathlib import Path

from . import programs
from .cli import FAILED, GOOD, MISSING, ROOT, USAGE, Failure, Settings, parser, say
from .evidence import Evidence, stamp
from .others import env_file, script
from .stack import GOOD_TAG, PREVIOUS, PROD, Stack, changing, ids, inspect, tag

#: Seconds that Traefik may need to learn of what has been started.
DOOR = "30"
#: Backups that are kept.
BACKUPS = "10"

ABOUT = """Deploys the production stack of compose/docker-compose.yml: validate, sync, back up, build, deploy, smoke.

What ran before is kept as the images' tag `previous`, for `scripts/rollback`: the last that has passed its smoke test. Settings come from
the environment, else from `.env`: DOMAIN (or APP_DOMAIN) and PROXY_API_KEY (or KEY), which the smoke test sends."""


def main(arguments):
    options = _options(arguments)
    path, options.env_file = env_file(options.env_file)
    settings = Settings(path)
    domain = settings.need("DOMAIN", "APP_DOMAIN")
    if not options.no_smoke and not settings.get("KEY", "PROXY_API_KEY"):
        raise Failure("set PROXY_API_KEY (or KEY), which the smoke test sends, or leave that out with --no-smoke", USAGE)
    programs.need("docker")
    evidence = Evidence("deploy", options.out, keep=not options.dry_run)
    stack = Stack(PROD, settings, options.dry_run, {"DOMAIN": domain, "GATEWAY_REVISION": _revision()})
    try:
        _check(options, stack, evidence)
        _deploy(options, stack, evidence)
    except Failure as failure:
        evidence.check("deploy", str(failure))
        raise
    finally:
        summary = evidence.close()
        if evidence.keep:
            say(f"evidence: {summary.parent}")
    say("\nDeployed." if not options.dry_run else "\nNothing was changed.")
    return GOOD


def _options(arguments):
    options = parser(ABOUT)
    changing(options, "deploy")
    options.add_argument("--no-build", action="store_true", help="deploy the images that are there")
    options.add_argument("--no-sync", action="store_true", help="leave .codex-api/config.toml alone")
    options.add_argument("--no-backup", action="store_true", help="don't keep .codex-api first")
    options.add_argument("--no-smoke", action="store_true", help="don't ask the public door afterwards")
    options.add_argument("--force-recreate", action="store_true", help="replace the containers even if nothing has changed")
    options.add_argument("--rollback", action="store_true", help="go back by itself when the deployment or its smoke test fails")
    return options.parse_args(arguments)


def _check(options, stack, evidence):
    """All that must be in order before anything is changed; then what makes it so."""
    dry = ["--dry-run"] if options.dry_run else []
    no_sync = ["--no-sync"] if options.no_sync else []
    with tempfile.TemporaryDirectory() as unkept:
        # A dry run is judged in earnest, and leaves nothing.
        out = Path(unkept, "port-check") if options.dry_run else evidence.folder / "port-check"
        _must(evidence, "port-check", *options.env_file, *no_sync, "--out", out)
    if not options.no_sync:
        _must(evidence, "port-sync-config", *options.env_file, *dry)
    _home(stack)
    if not options.no_backup:
        _must(evidence, "backup", *options.env_file, "--keep", BACKUPS, *dry)


def _deploy(options, stack, evidence):
    images = stack.images()
    before = stack.containers()
    say("\n# deploy")
    if not options.no_build:
        stack.run("build", evidence=evidence, name="build.log")
    _keep(options, images, before)
    try:
        stack.up(options.wait, *(["--force-recreate"] if options.force_recreate else []), evidence=evidence)
        after = stack.containers()
        evidence.write("images.json", json.dumps({"before": before, "after": after, "names": images}, indent=2) + "\n")
        for name, image in after.items():
            say(f"{name}: {_short(before[name])} -> {_short(image)}")
        if not options.no_smoke:
            dry = ["--dry-run"] if options.dry_run else []
            code = script("smoke", "prod", "--wait", DOOR, *options.env_file, *dry)
            evidence.check("smoke", None if code == GOOD else f"exit code {code}")
            if code != GOOD:
                raise Failure("the smoke test failed")
            tag(after, images, GOOD_TAG, options.dry_run)
    except Failure as failure:
        raise _gone_wrong(options, failure, before) from failure


def _keep(options, images, before):
    """Names what is replaced `previous`: what has passed its smoke test rather than what runs, should that not have."""
    new, good = ids(images), ids(images, GOOD_TAG)
    if not all(before.values()) or new == before:
        # Nothing ran, or half of it, or nothing is replaced: what could be gone back to stays what it is.
        return
    kept = good if all(good.values()) and good not in (before, new) else before
    tag(kept, images, PREVIOUS, options.dry_run)
    tag(before, images, f"was-{stamp()}", options.dry_run)


def _gone_wrong(options, failure, before):
    """What is told of a deployment that failed, after it was gone back from where that was asked for."""
    if not all(before.values()):
        remedy = "nothing ran before, so nothing can be gone back to"
    elif not options.rollback or options.dry_run:
        remedy = "`scripts/rollback` goes back"
    else:
        code = script("rollback", *options.env_file, *(["--no-smoke"] if options.no_smoke else []))
        if code == GOOD:
            return Failure(f"{failure}; rolled back, see above", FAILED)
        return Failure(f"{failure}; THE ROLLBACK FAILED, TOO ({code}), see above", FAILED)
    return Failure(f"{failure}. {remedy}; `docker compose -f {PROD.relative_to(ROOT)} logs` says more", FAILED)


def _must(evidence, name, *arguments):
    code = script(name, *arguments)
    evidence.check(name, None if code == GOOD else f"exit code {code}")
    if code != GOOD:
        raise Failure(f"scripts/{name} says no; nothing was deployed", code)


def _home(stack):
    """The state folder is there, and belongs to whom the worker runs as."""
    worker = stack.config()["services"]["worker"]
    home = Path(next(mount["source"] for mount in worker["volumes"] if mount["target"] == "/var/lib/codex"))
    uid = worker["user"].split(":")[0]
    try:
        owner = home.stat().st_uid
    except FileNotFoundError as error:
        remedy = f"make it with `install -d -m 0700 -o {uid} -g 10000 {home}`, and log in"
        raise Failure(f"{home} is not there; {remedy}", MISSING) from error
    if str(owner) != uid:
        remedy = f"`chown -R {uid}:10000 {home}`, or set CODEX_UID={owner}"
        raise Failure(f"{home} belongs to uid {owner}, and the worker runs as {uid}: {remedy}")
    try:
        has_login = (home / "auth.json").exists()
    except PermissionError:
        return
    if not has_login:
        say(f"warning: {home} has no auth.json: unless its config.toml names another provider, every request is answered 503")


def _revision():
    done = programs.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    return done.stdout.strip() if done.returncode == 0 else ""


def _short(image):
    if image is None:
        return "none"
    revision = inspect(image, '{{index .Config.Labels "org.opencontainers.image.revision"}}')
    return f"{image.removeprefix('sha256:')[:12]}{f' ({revision[:12]})' if revision else ''}"
