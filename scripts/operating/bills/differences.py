"""What differs between a bill that is there and the one that should be, in words."""

import json

#: More than these tell nobody more.
MOST = 20


def index(text):
    """Each statement of a document, by what it is about."""
    document = json.loads(text)
    told = {}
    for part in document.pop("components", []):
        told[f"component {part['bom-ref']}"] = part
    for row in document.pop("dependencies", []):
        told[f"dependencies of {row['ref']}"] = row
    # Follows from all the others.
    document.pop("serialNumber", None)
    told.update(document)
    return told


def differences(there, wanted):
    """Lines; none where both are the same bytes."""
    if there == wanted:
        return []
    wanted = index(wanted)
    try:
        there = index(there)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ["it is no bill of materials"]
    lines = [f"{name} is missing" for name in wanted if name not in there]
    lines += [f"{name} should not be there" for name in there if name not in wanted]
    lines += [f"{name} differs" for name in wanted if name in there and there[name] != wanted[name]]
    more = len(lines) - MOST
    # Spaces, or the order of lines.
    return lines[:MOST] + ([f"and {more} more"] if more > 0 else []) or ["it is written differently"]
