"""Read an OpenAPI document from standard input; exit 1 and name every reference that leads nowhere, every operation
id used twice and every place that OpenAPI 3.1 or JSON Schema does not allow."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31


def faults(document: dict[str, Any]) -> Iterator[str]:
    for where, reference in references(document):
        if not leads_somewhere(document, reference):
            yield f"{where}: {reference} leads nowhere"
    ids = Counter(op["operationId"] for path in document["paths"].values() for op in path.values())
    yield from (f"operationId {name} is used {count} times" for name, count in ids.items() if count > 1)
    for error in jsonschema_rs.validator_for(OPENAPI_31).iter_errors(document):
        yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"
    for name, schema in document["components"]["schemas"].items():
        try:
            jsonschema_rs.meta.validate(schema)
        except jsonschema_rs.ValidationError as error:
            yield f"components/schemas/{name}: {error.message}"


def references(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every `$ref`, and every reference of a `discriminator`, with the place where it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield where, value["$ref"]
        if isinstance(value.get("discriminator"), dict):
            yield from ((f"{where}/discriminator", each) for each in value["discriminator"].get("mapping", {}).values())
        for name, each in value.items():
            yield from references(each, f"{where}/{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from references(each, f"{where}/{number}")


def leads_somewhere(document: Any, reference: str) -> bool:
    found = document
    for part in reference.removeprefix("#/").split("/"):
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return reference.startswith("#/")


found = list(faults(json.load(sys.stdin)))
print(*found, sep="\n", end="\n" if found else "")  # noqa: T201
sys.exit(bool(found))
