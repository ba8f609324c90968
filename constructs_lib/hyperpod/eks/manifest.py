"""Kubernetes manifests, held against the schemas of their kinds without a cluster.

The schemas beside this module are facts of interfaces: types, names, patterns, enumerations. Each file names its source
and licence. Two things are stricter here than in a cluster: a field that a schema does not know is refused (an API
server drops it without a word), and so is a null.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from ml_contract.errors import reject

Manifest = dict[str, Any]
Schema = Mapping[str, Any]

_FILES = (
    "apps.json", "core.json", "hyperpodpytorchjob.json", "hyperpodnodeclass.json", "inferenceendpointconfig.json",
    "jumpstartmodel.json", "kueue.json", "nodepool.json", "rbac.json",
)  # fmt: skip
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_TYPES: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def check(manifest: Manifest) -> Manifest:
    """Refuse a manifest that its API would refuse, or take otherwise than it was meant.

    Args:
        manifest: One object.

    Returns:
        The same manifest.

    Raises:
        ContractError: ``field`` is the path of what is wrong, from the kind on.
    """
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    known = _kinds()
    if (version, kind) not in known:
        names = ", ".join(sorted(f"{name} of {group}" for group, name in known))
        reject("kind", f"{kind} of {version}", f"the schemas here are {names}", "Correct it, or add its schema.")
    assert isinstance(kind, str)
    file, schema = known[(str(version), kind)]
    _check(manifest, schema, file, kind)
    name = manifest.get("metadata", {}).get("name", "")
    if not _NAME.fullmatch(name) or len(name) > 253:
        reject(f"{kind}.metadata.name", name, "a name has at most 253 lower-case letters, digits, hyphens and dots",
               "Give such a name.")  # fmt: skip
    return manifest


@functools.cache
def _file(name: str) -> Schema:
    folder = resources.files("constructs_lib.hyperpod.eks") / "schemas"
    content: Schema = json.loads((folder / name).read_text())
    return content


@functools.cache
def _kinds() -> dict[tuple[str, str], tuple[str, Schema]]:
    return {
        (_file(name)["apiVersion"], kind): (name, schema)
        for name in _FILES
        for kind, schema in _file(name)["kinds"].items()
    }


def _check(value: object, schema: Schema, file: str, path: str) -> None:
    if "$ref" in schema:
        other, _, pointer = schema["$ref"].partition("#/$defs/")
        file = other or file
        return _check(value, _file(file)["$defs"][pointer], file, path)
    if schema.get("x-kubernetes-int-or-string"):
        schema = {**schema, "anyOf": [{"type": "integer"}, {"type": "string"}]}
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            _check_type(value, [name for option in schema[keyword] for name in _types(option)], path)
    if "type" in schema:
        _check_type(value, _types(schema), path)
    _check_text(value, schema, path)
    _check_number(value, schema, path)
    if isinstance(value, dict):
        _check_object(value, schema, file, path)
    elif isinstance(value, list):
        _check_length("items", len(value), schema.get("minItems"), schema.get("maxItems"), path)
        for index, item in enumerate(value):
            _check(item, schema.get("items", {}), file, f"{path}[{index}]")


def _types(schema: Schema) -> list[str]:
    found = schema.get("type", [])
    return [name for name in ([found] if isinstance(found, str) else found) if name != "null"]


def _check_type(value: object, names: list[str], path: str) -> None:
    if names and not any(_TYPES[name](value) for name in names):
        reject(path, value, f"it must be of type {' or '.join(dict.fromkeys(names))}", "Give one.")


def _check_text(value: object, schema: Schema, path: str) -> None:
    if "enum" in schema and value not in schema["enum"]:
        reject(path, value, f"it must be one of {', '.join(map(str, schema['enum']))}", "Choose one of these.")
    if not isinstance(value, str):
        return
    if "pattern" in schema and not re.search(schema["pattern"], value):
        reject(path, value, f"it must match {schema['pattern']}", "Correct it.")
    _check_length("characters", len(value), schema.get("minLength"), schema.get("maxLength"), path)


def _check_number(value: object, schema: Schema, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    for keyword, wrong in (("minimum", value < schema.get("minimum", value)), ("maximum", value > schema.get(
        "maximum", value))):  # fmt: skip
        if wrong:
            reject(path, value, f"its {keyword} is {schema[keyword]}", "Give a value in that range.")


def _check_length(what: str, length: int, low: int | None, high: int | None, path: str) -> None:
    if length < (low or 0) or (high is not None and length > high):
        bounds = f"at least {low}" if high is None else f"{low or 0} to {high}"
        reject(path, f"{length} {what}", f"it has {bounds}", "Correct it.")


def _check_object(value: dict[str, Any], schema: Schema, file: str, path: str) -> None:
    properties = schema.get("properties", {})
    further = schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if name not in value:
            reject(f"{path}.{name}", None, "it must be given", f"Give {name}.")
    if "maxProperties" in schema:
        _check_length("entries", len(value), None, schema["maxProperties"], path)
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or not properties
    for name, item in value.items():
        below = f"{path}.{name}"
        if name in properties:
            _check(item, properties[name], file, below)
        elif isinstance(further, Mapping):
            _check(item, further, file, below)
        elif further is False or not is_open:
            reject(below, item, "the kind has no such field", f"Its fields are {', '.join(sorted(properties))}.")
