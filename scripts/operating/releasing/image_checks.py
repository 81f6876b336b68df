"""The images: who they run as, what they start, what they say of themselves, and that nothing is in them that need not be."""

import json
import platform
import posixpath
import re
from dataclasses import dataclass

from . import binaries, sbom, secrets
from .checks import Check, NotChecked, Wrong, none

LABEL = "org.opencontainers.image."
SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"}
SETUID, SETGID = 0o4000, 0o2000
#: Files larger than this are programs and data; a key is in a small one.
MOST_READ = 256 * 1024


@dataclass(frozen=True)
class Role:
    """What one of the two images is for."""

    name: str
    program: str
    codex: bool
    shell: bool


WORKER = Role("worker", binaries.DAEMON, codex=True, shell=True)
FRONT = Role("front", binaries.FRONT, codex=False, shell=False)


def checks(tree, role, image, machine, hashes, evidence):
    def loaded(ask, *arguments):
        def guarded():
            if image.id is None:
                raise NotChecked("the image could not be read")
            return ask(image, *arguments)

        return guarded

    asked = [
        ("user, without root, as a number", user),
        ("starts its program, without a shell", entrypoint, role),
        ("health check", health),
        ("labels", labels, tree),
        ("no secret in variables and history", no_secret_told),
        ("no secret in files", no_secret_kept),
        ("no setuid", no_setuid),
        (f"binaries static, stripped, for {machine}", built, role, machine, hashes),
        ("versions of the binaries", versions, role, tree),
        ("list of parts (SBOM)", parts, role, tree, evidence),
    ]
    if not role.shell:
        asked.append(("no shell", no_shell))
    if role.codex:
        asked.append(("codex is the pinned one", codex, tree))
    label = f"image {role.name}"
    first = Check(f"{label}: exists", image.load)
    return [first, *(Check(f"{label}: {name}", loaded(ask, *arguments)) for name, ask, *arguments in asked)]


def user(image):
    said = image.config.get("User") or ""
    match = re.fullmatch(r"(\d+)(?::(\d+))?", said)
    if not match:
        raise Wrong(f"the user is {said or 'not set, which is root'!r}: it must be a number (`USER 10001:10000`)")
    none(f"the {what} is root's" for what, number in zip(("user", "group"), match.groups()) if number and int(number) == 0)
    return said


def entrypoint(image, role):
    words = image.config.get("Entrypoint") or []
    if not words or posixpath.basename(words[0]) != role.program:
        raise Wrong(f"the entry point is {words[0] if words else 'not set'}, not {role.program}")
    path = image.which(words[0])
    if path is None:
        raise Wrong(f"the entry point {words[0]} is not in the image, or nobody may execute it")
    return path


def health(image):
    words = (image.config.get("Healthcheck") or {}).get("Test") or []
    if not words or words[0] == "NONE":
        raise Wrong("no HEALTHCHECK")
    program = words[1] if words[0] == "CMD" else "/bin/sh"
    path = image.which(program)
    if path is None:
        raise Wrong(f"the health check needs {program}, which is not in the image")
    return path


def labels(image, tree):
    told = image.config.get("Labels") or {}
    wanted = {"version": tree.version, "revision": tree.head, "licenses": tree.licence}
    none(
        f"{LABEL}{name} is {told.get(LABEL + name)!r}, not {value!r}"
        for name, value in wanted.items()
        if told.get(LABEL + name) != value
    )
    return f"{tree.version}, {tree.head[:12]}, {tree.licence}"


def no_secret_told(image):
    findings = [f"the variable {name} has a value" for name, value in image.environment.items() if value and secrets.named(name)]
    findings += [
        f"the variable {name} has {what}"
        for name, value in image.environment.items()
        for _, what in secrets.in_content(value.encode())
    ]
    # The arguments of the program and of the health check, labels.
    findings += [f"the settings have {what}" for _, what in secrets.in_content(json.dumps(image.config).encode())]
    for number, step in enumerate(image.history, 1):
        said = step.get("created_by") or ""
        findings += [f"history, step {number}: {name} has a value" for name in secrets.variables(said)]
        findings += [f"history, step {number}: {what}" for _, what in secrets.in_content(said.encode())]
    none(dict.fromkeys(findings))
    return f"{len(image.environment)} variables, {len(image.history)} steps"


def no_secret_kept(image):
    """Every layer: what a later one takes away is still there for whoever has the image."""
    findings = []
    for number, layer in enumerate(image.layers, 1):
        for member in layer:
            why = secrets.by_name(member.name)
            if why and member.isfile():
                findings.append(f"layer {number}, /{member.name}: {why}")
            elif member.isfile() and member.size <= MOST_READ:
                found = secrets.in_content(layer.extractfile(member).read(), assigned=False)
                findings += [f"layer {number}, /{member.name}:{line}: {what}" for line, what in found]
    none(findings)
    return f"{len(image.layers)} layers"


def no_setuid(image):
    none(
        f"{path} is {'setuid' if member.mode & SETUID else 'setgid'}"
        for path, member in image.files()
        if member.isfile() and member.mode & (SETUID | SETGID)
    )


def no_shell(image):
    none(
        f"{path} is a shell"
        for path, member in image.files()
        # A link has no mode of its own.
        if posixpath.basename(path) in SHELLS and (member.issym() or member.mode & 0o111 and not member.isdir())
    )


def programs_of(image, role):
    """Path of each of our binaries that is in the image; its own must be."""
    found = {name: image.which(name) for name in binaries.ALL}
    if found[role.program] is None:
        raise Wrong(f"{role.program} is not in the image, or nobody may execute it")
    return {name: path for name, path in found.items() if path}


def built(image, role, machine, hashes):
    findings, found = [], programs_of(image, role)
    if image.machine != machine:
        findings.append(f"the image is for {image.machine}, not for {machine}")
    for name, path in found.items():
        data = image.read(path)
        hashes[f"{role.name}:{path}"] = binaries.digest(data)
        for look in (lambda data: binaries.built(data, machine), binaries.no_home):
            try:
                look(data)
            except (Wrong, ValueError) as wrong:
                findings += [f"{path}: {finding}" for finding in str(wrong).splitlines()]
    none(findings)
    return ", ".join(found)


def versions(image, role, tree):
    runs_here(image)
    found = programs_of(image, role)
    return ", ".join(
        binaries.said_version(image.version_of(path), name, tree.version) for name, path in found.items()
    )


def codex(image, tree):
    named = image.environment.get("CODEX_BIN", "codex")
    path = image.which(named)
    if path is None:
        raise Wrong(f"{named} is not in the image, or nobody may execute it")
    runs_here(image)
    return binaries.said_version(image.version_of(path), "codex-cli", tree.codex)


def runs_here(image):
    if image.machine != platform.machine():
        raise NotChecked(f"the image is for {image.machine}, and runs on no {platform.machine()}")


def parts(image, role, tree, evidence):
    found, count = set(), 0
    for path, member in image.files():
        if path.startswith(sbom.FOLDER) and path.endswith(sbom.SUFFIX) and member.isfile():
            text = image.read(path)
            evidence.write(f"sbom/{role.name}-{posixpath.basename(path)}", text)
            found |= sbom.parts(text, path)
            count += 1
    if not count:
        raise Wrong(f"no {sbom.FOLDER}*{sbom.SUFFIX}")
    return sbom.complete(found, tree, list(programs_of(image, role)), role.codex, image.machine)
