"""The compose files as the scripts start them: how Compose is called, what a service's image is, what there is of it."""

import json
import os

from . import programs
from .cli import ROOT, USAGE, Failure, say

PROD = ROOT / "compose/docker-compose.yml"
DEV = ROOT / "compose/compose.dev.stack.yml"
#: The services whose images are ours.
OURS = ("worker", "front")
#: Tags: what was gone away from, and what has passed its smoke test.
PREVIOUS, GOOD_TAG = "previous", "good"


def changing(options, kind, env_file=".env"):
    """Gives a parser the options of whatever changes a stack; evidence of its runs is in folders of this kind."""
    options.add_argument("--env-file", default=str(ROOT / env_file), metavar="FILE", help=f"settings [default: {env_file}]")
    options.add_argument("--out", metavar="DIR", help=f"where the evidence goes [default: test-results/{kind}-TIME]")
    options.add_argument("--dry-run", action="store_true", help="check, and tell every command that would change something")
    options.add_argument("--wait", type=int, default=120, metavar="S", help="seconds until all must be healthy [default: 120]")


class Stack:
    """One compose file with the variables that it is to see."""

    def __init__(self, file, settings, dry_run=False, extra=None, profile=None):
        self.file, self.settings, self.dry_run = file, settings, dry_run
        self.profile = ["--profile", profile] if profile else []
        self.extra = extra or {}

    def command(self, *words):
        # Named in any case: without one Compose would read whatever `.env` lies beside its file.
        env_file = self.settings.file if self.settings.file.is_file() else os.devnull
        return [*programs.compose(), "-f", str(self.file), "--env-file", str(env_file), *self.profile, *words]

    def run(self, *words, limit=programs.SLOW, evidence=None, name=None):
        """Runs a command of Compose that changes something, and shows what it says; a dry run tells it instead."""
        command = self.command(*words)
        say(f"+ {' '.join(command)}")
        if self.dry_run:
            return
        log = evidence.folder / name if evidence and name and evidence.keep else None
        code, last = programs.show(command, limit, self.extra, log, cwd=ROOT)
        if code:
            raise Failure(f"`{' '.join(words)}` failed ({code}): {last.splitlines()[-1] if last else 'it said nothing'}")

    def up(self, wait, *more, evidence=None):
        """Starts what is not as the file says, and waits, in seconds, until all are healthy."""
        words = ("up", "--detach", "--no-build", "--wait", "--wait-timeout", str(wait))
        self.run(*words, *more, evidence=evidence, name="up.log")

    def ask(self, *words):
        """What a command of Compose that changes nothing prints."""
        done = programs.run(self.command(*words), environment={**os.environ, **self.extra}, cwd=ROOT)
        if done.returncode:
            raise Failure(f"{self.file.name} can't be used: {done.stderr.strip()}", USAGE)
        return done.stdout

    def config(self):
        """The rendered file."""
        return json.loads(self.ask("config", "--format", "json"))

    def images(self):
        """The image of each service of ours, by the file."""
        services = self.config()["services"]
        return {name: services[name]["image"] for name in OURS}

    def containers(self):
        """The image, by its id, that each service of ours has a container of, also one that is stopped; else none."""
        found = {}
        for name in OURS:
            container = self.ask("ps", "--all", "--quiet", name).strip().splitlines()
            found[name] = inspect(container[0], "{{.Image}}") if container else None
        return found


def inspect(thing, form):
    """A field of a container or an image; none where there is no such thing."""
    done = programs.run(["docker", "inspect", "--format", form, thing])
    return done.stdout.strip() or None if done.returncode == 0 else None


def ids(images, tag=None):
    """The id of each image, or of the same with another tag; none where there is none."""
    return {name: inspect(retagged(image, tag) if tag else image, "{{.Id}}") for name, image in images.items()}


def tag(sources, images, name=None, dry_run=False):
    """Gives images, by ids or names, the names of `images`, or those with another tag. All or none: a pair goes together."""
    if not all(sources.values()):
        return
    for service, image in images.items():
        target = retagged(image, name) if name else image
        say(f"+ docker tag {sources[service]} {target}")
        if dry_run:
            continue
        done = programs.run(["docker", "tag", sources[service], target])
        if done.returncode:
            raise Failure(f"`docker tag {sources[service]} {target}` failed: {done.stderr.strip()}")


def retagged(image, name):
    """The same image under another tag: `registry:5000/x:1` and `previous` make `registry:5000/x:previous`."""
    if "@" in image:
        remedy = "set the images in .env, and start them with `docker compose up --detach`"
        raise Failure(f"{image} is pinned by its digest: {remedy}", USAGE)
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.split(':', 1)[0]}:{name}"
