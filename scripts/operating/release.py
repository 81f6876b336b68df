"""The command that looks at a release before it is deployed: the tree, the binaries, the images."""

import contextlib
import platform
import tempfile
from collections import Counter
from pathlib import Path

from . import cli, programs
from .cli import FAILED, GOOD, ROOT, USAGE, Failure, say
from .evidence import Evidence
from .releasing import binaries, checks, elf, image_checks, tree_checks
from .releasing.image import Image
from .releasing.tree import Tree

ABOUT = """Looks at a release before it is deployed: at the tree that this script stands in, and at binaries and images that were
built from it. Every check runs and is one line, `ok`, `FAILED` or `not checked` with the reason. Nothing is changed, built or
fetched; programs are run with --version alone, those of images in containers without network.
"""
MORE = """The evidence, test-results/release-STAMP/, has summary.json, sha256sums.txt and the images' lists of parts (SBOM).
What is not checked does not fail, and is for you to judge. Whether the tests passed is not asked here: `cargo xtask test`.
Images are saved into the folder for temporary files (TMPDIR), which needs room for both.
"""


def options(arguments):
    parser = cli.parser(ABOUT, MORE)
    parser.add_argument("--bin-dir", metavar="DIR", type=Path, help="the folder with worker-daemon, http-front and codexctl")
    parser.add_argument("--worker-image", metavar="IMAGE", help="the image of worker-daemon, by name or id")
    parser.add_argument("--front-image", metavar="IMAGE", help="the image of http-front, by name or id")
    parser.add_argument(
        "--machine",
        choices=sorted(elf.MACHINES.values()),
        default=platform.machine(),
        help="what binaries and images must be for (default: this machine, %(default)s)",
    )
    parser.add_argument("--allow-dirty", action="store_true", help="files that are not committed are no fault")
    parser.add_argument(
        "--allow-unreleased", action="store_true", help="a version that is still [Unreleased] in CHANGELOG.md is no fault"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="the folder for evidence, in the place of a dated one")
    parser.add_argument("--dry-run", action="store_true", help="name the checks; look at nothing, start and write nothing")
    return parser.parse_args(arguments)


def plan(chosen, stack, evidence, hashes):
    """All checks, in their order. What images need on the way is gone when `stack` is closed."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="verify-release-")))
    tree = Tree(ROOT)
    planned = tree_checks.checks(tree, chosen.allow_dirty, chosen.allow_unreleased)
    if chosen.bin_dir:
        planned += binaries.checks(tree, chosen.bin_dir, chosen.machine, hashes)
    for role, name in ((image_checks.WORKER, chosen.worker_image), (image_checks.FRONT, chosen.front_image)):
        if name:
            place = folder / role.name
            place.mkdir()
            image = Image(name, place)
            stack.callback(image.close)
            planned += image_checks.checks(tree, role, image, chosen.machine, hashes, evidence)
    return planned


def main(arguments):
    chosen = options(arguments)
    if chosen.bin_dir and not chosen.bin_dir.is_dir():
        raise Failure(f"--bin-dir {chosen.bin_dir} is no folder", USAGE)
    programs.need("git")
    if chosen.worker_image or chosen.front_image:
        programs.need("docker", "without it only the tree and --bin-dir can be checked")
    evidence = Evidence("release", chosen.out, keep=not chosen.dry_run)
    hashes = {}
    with contextlib.ExitStack() as stack:
        planned = plan(chosen, stack, evidence, hashes)
        if chosen.dry_run:
            for check in planned:
                say(f"would check  {check.name}")
            return GOOD
        states = Counter(check.run(evidence) for check in planned)
    return tell(chosen, evidence, hashes, states)


def tell(chosen, evidence, hashes, states):
    evidence.write("sha256sums.txt", "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items())))
    left_out = [
        option
        for option, value in (
            ("--bin-dir", chosen.bin_dir),
            ("--worker-image", chosen.worker_image),
            ("--front-image", chosen.front_image),
        )
        if not value
    ]
    if left_out:
        say(f"{checks.NOT_CHECKED:<11}  without {', '.join(left_out)} what these name")
    summary = evidence.close(not_checked=states[checks.NOT_CHECKED], left_out=left_out, machine=chosen.machine)
    counted = f"{states[checks.OK]} ok, {states[checks.FAILED]} failed, {states[checks.NOT_CHECKED]} not checked"
    say(f"\n{counted}; evidence: {summary.parent}")
    return FAILED if states[checks.FAILED] else GOOD
