"""Kubernetes' own schemas and the Prometheus operator's, of the packages that scripts/tools/kubernetes pins.

`read` prints the documents of the YAML on stdin as JSON. `judge` takes `{case: [document, …]}` as JSON on stdin and prints
`{"versions": […], "faults": {case: ["VERSION KIND/NAME at PATH: what is wrong", …]}}`. A member that a schema doesn't know is a
fault, and so is a kind that no schema is there for.
"""

import functools
import json
import sys

import jsonschema
import yaml
from kubernetes_validate import utils

#: The first with everything that the manifests use switched on by itself: sidecars, and a preStop that sleeps.
OLDEST = (1, 30)
OPERATOR = "monitoring.coreos.com/v1"

# Each is read once: the definitions alone are megabytes.
utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)


def versions():
    # The package has a strict and a lax set of each, and names both.
    every = dict.fromkeys(utils.all_versions())
    return [version for version in every if tuple(map(int, version.split(".")[:2])) >= OLDEST]


def closed(schema):
    """The schema with no room for members that it doesn't name."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for member in schema.values():
            closed(member)
    elif isinstance(schema, list):
        for member in schema:
            closed(member)
    return schema


@functools.lru_cache(maxsize=None)
def operators(kind):
    """The operator's schema of a kind. Its import takes seconds."""
    from cloudcoil.models.prometheus_operator import v1

    return jsonschema.Draft202012Validator(closed(getattr(v1, kind).model_json_schema(by_alias=True)))


def faults(document, chosen):
    kind, name = document.get("kind"), document.get("metadata", {}).get("name")
    found = []
    if document.get("apiVersion") == OPERATOR:
        for error in operators(kind).iter_errors(document):
            found.append(f"operator {kind}/{name} at {error.json_path}: {error.message[:300]}")
        return found
    for version in chosen:
        try:
            utils.validate(document, version, strict=True)
        except utils.ValidationError as error:
            found.append(f"{version} {kind}/{name} at {error.json_path}: {error.message[:300]}")
        except utils.SchemaNotFoundError as error:
            found.append(f"{version} {kind}/{name}: {error.message}")
    return found


def judge(cases):
    chosen = versions()
    return {
        "versions": chosen,
        "faults": {case: [fault for one in documents for fault in faults(one, chosen)] for case, documents in cases.items()},
    }


def main(mode):
    if mode == "read":
        answer = [document for document in yaml.safe_load_all(sys.stdin) if document]
    else:
        answer = judge(json.load(sys.stdin))
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
