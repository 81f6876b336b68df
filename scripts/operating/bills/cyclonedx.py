"""A bill as CycloneDX 1.6 in JSON. The same bill gives the same bytes: nothing in it is of the time or of chance."""

import json
import re
import uuid

#: Ours alone: the serial number of a bill is the UUID (version 5) of its content in it.
SPACE = uuid.UUID("3f0b1a52-6d5e-5c0e-9a53-0f4c1d0c7e16")
#: A licence that is one identifier. Which of them the schema knows is a table in it; ours are tested.
IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]+")


def licences(expression):
    if expression is None:
        return []
    if IDENTIFIER.fullmatch(expression):
        return [{"license": {"id": expression}}]
    return [{"expression": expression}]


def component(part, kind, scope=None):
    told = {
        "type": kind,
        "bom-ref": part.purl,
        "group": part.group,
        "name": part.name,
        "version": part.version,
        "scope": scope,
        "hashes": [{"alg": name, "content": digest} for name, digest in sorted(part.hashes.items())],
        "licenses": licences(part.licence),
        "purl": part.purl,
    }
    return {name: value for name, value in told.items() if value}


def document(bill):
    parts = [bill.parts[key] for key in sorted(bill.parts)]
    compositions = [{"aggregate": "incomplete", "dependencies": [bill.root.purl]}]
    if bill.opaque:
        compositions = [{"aggregate": "unknown", "assemblies": bill.opaque}]
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "pre-build"}],
            "tools": {"components": [{"type": "application", "group": "codex-gateway", "name": "scripts/sbom"}]},
            "component": component(bill.root, "application"),
        },
        # `excluded` is CycloneDX's word for what is not there when it runs.
        "components": [component(part, "library", "required" if part.ships else "excluded") for part in parts],
        "dependencies": [{"ref": key, "dependsOn": sorted(keys)} for key, keys in sorted(bill.needs.items())],
        "compositions": compositions,
    }
    content = json.dumps(told, sort_keys=True, ensure_ascii=False)
    first = {"bomFormat": told.pop("bomFormat"), "specVersion": told.pop("specVersion")}
    return {**first, "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, content)}", **told}


def write(bill):
    return json.dumps(document(bill), indent=2, ensure_ascii=False) + "\n"
