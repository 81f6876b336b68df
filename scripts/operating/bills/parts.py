"""What a bill of materials says, whatever it is written as."""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path

from ..cli import MISSING, Failure


@dataclass
class Part:
    """A thing of a certain version. Its purl is its name wherever a part is spoken of."""

    purl: str
    name: str
    version: str
    licence: str | None = None
    group: str | None = None
    #: Of the package as the registry has it: algorithm as CycloneDX spells it, digest in hexadecimal.
    hashes: dict = field(default_factory=dict)
    #: Whether it is in what ships. What only builds it (build scripts, macros) is a part, too, and isn't in it.
    ships: bool = True


@dataclass
class Bill:
    """One thing that ships: itself, all of its parts by purl, and who needs whom."""

    name: str
    root: Part
    parts: dict
    #: The purls that a purl needs, for the root and every part.
    needs: dict
    #: Purls of which the lock tells the package alone, not what is within.
    opaque: list = field(default_factory=list)


def read(path):
    """A file that this can't do without."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Failure(f"{path} is not there", MISSING) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} can't be read: {error}") from error


def integrity(text):
    """npm's `sha512-…`, in base64, as hashes."""
    names = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
    found = {}
    for word in text.split():
        algorithm, _, digest = word.partition("-")
        if algorithm in names:
            try:
                found[names[algorithm]] = base64.b64decode(digest, validate=True).hex()
            except binascii.Error as error:
                raise Failure(f"`{word}` is no integrity: {error}") from error
    return found
