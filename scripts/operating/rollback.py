"""`scripts/rollback`: runs the images of before again, and asks whether that helped."""

from pathlib import Path

from . import programs
from .cli import GOOD, MISSING, ROOT, Failure, Settings, parser, say
from .evidence import Evidence, stamp
from .others import env_file, script
from .port_prod import DOOR
from .stack import GOOD_TAG, PREVIOUS, PROD, Stack, changing, ids, retagged, tag

ABOUT = """Goes back to the images that ran before the last `scripts/port-prod`, or to those of another tag.

What runs now is kept under the tag `rolled-back-TIME`; the images that are gone back to get the tag that the compose file names, so
that a later `docker compose up --detach` starts them again. They run under the compose file that is there: where that has changed, too,
check out the release first. There is no database and so no migration; `--state FILE` also puts a backup of .codex-api back, for which the
stack is stopped."""


def main(arguments):
    options = parser(ABOUT)
    changing(options, "rollback")
    options.add_argument("--to", default=PREVIOUS, metavar="TAG", help="the images' tag to go back to [default: previous]")
    options.add_argument("--list", action="store_true", help="show what could be gone back to, and end")
    options.add_argument("--state", metavar="FILE", help="a backup of .codex-api to be restored, too")
    options.add_argument("--no-smoke", action="store_true", help="don't ask the public door afterwards")
    options = options.parse_args(arguments)
    path, options.env_file = env_file(options.env_file)
    settings = Settings(path)
    programs.need("docker")
    stack = Stack(PROD, settings, options.dry_run, {"DOMAIN": settings.need("DOMAIN", "APP_DOMAIN")})
    images = stack.images()
    if options.list:
        return _list(images)
    wanted, running = ids(images, options.to), stack.containers()
    for name, found in wanted.items():
        if found is None:
            missing = retagged(images[name], options.to)
            raise Failure(f"there is no image {missing}; `scripts/rollback --list` shows which there are", MISSING)
    if running == wanted and not options.state:
        raise Failure(f"what has the tag {options.to} is what runs already")
    if options.state:
        options.state = Path(options.state).resolve()
        # What is wrong with the archive is told before anything is stopped.
        _restore(options, "--dry-run")
    evidence = Evidence("rollback", options.out, keep=not options.dry_run)
    try:
        _go_back(options, stack, images, wanted, running, evidence)
        evidence.check("deploy")
        if not options.no_smoke:
            _smoke(options, images, wanted, evidence)
    except Failure as failure:
        evidence.check("rollback", str(failure))
        raise
    finally:
        summary = evidence.close(before=running, after=wanted)
        if evidence.keep:
            say(f"evidence: {summary.parent}")
    return GOOD


def _go_back(options, stack, images, wanted, running, evidence):
    present = ids(images)
    tag(running, images, f"rolled-back-{stamp()}", options.dry_run)
    tag(wanted, images, None, options.dry_run)
    if options.state:
        stack.run("stop", evidence=evidence, name="stop.log")
        try:
            if not options.dry_run:
                _restore(options)
        except Failure as failure:
            # Nothing of the state has changed: what ran goes on.
            tag(present, images, None, options.dry_run)
            stack.up(options.wait, evidence=evidence)
            raise Failure(f"{failure}; nothing was rolled back, and what ran runs again", failure.code) from failure
    stack.up(options.wait, evidence=evidence)


def _restore(options, *more):
    code = script("restore", options.state, *options.env_file, *more)
    if code != GOOD:
        raise Failure(f"scripts/restore can't bring {options.state} back", code)


def _smoke(options, images, wanted, evidence):
    dry = ["--dry-run"] if options.dry_run else []
    code = script("smoke", "prod", "--wait", DOOR, *options.env_file, *dry)
    evidence.check("smoke", None if code == GOOD else f"exit code {code}")
    if code != GOOD:
        raise Failure("the smoke test failed; what is rolled back stays so", code)
    tag(wanted, images, GOOD_TAG, options.dry_run)


def _list(images):
    for name, image in images.items():
        repository = retagged(image, "x").removesuffix(":x")
        form = "{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}"
        done = programs.run(["docker", "image", "ls", "--format", form, repository])
        if done.returncode:
            raise Failure(f"the engine can't be asked: {done.stderr.strip()}", MISSING)
        say(f"{name} ({repository})")
        for line in done.stdout.splitlines():
            say(f"  {line}")
    return GOOD
