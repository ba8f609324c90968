"""Options of a processing module on their way into its container: JSON in environment variables.

A value has at most 256 characters (CreateProcessingJob, ProcessingEnvironmentValue, API reference, read 2026-11-21).
Where all options together are longer, those that have their defaults are left out; what is longer still goes on in
TRAINYARD_OPTIONS_2 and so on.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_contract.errors import reject
from ml_contract.hyperparameters import decode_json, to_json
from ml_contract.paths import OPTIONS_VARIABLE

T = TypeVar("T")
LONGEST = 256
MOST = 90
"""Variables that the text may take: a job has at most 100 (ProcessingEnvironmentMap)."""


def to_variables(options: object) -> dict[str, str]:
    """Environment variables that hold ``options``, a dataclass.

    Raises:
        ContractError: The text is longer than the variables of a job hold.
    """
    text = json.dumps(to_json(options), sort_keys=True)
    if len(text) > LONGEST:
        text = json.dumps(sparse(options), sort_keys=True)
    parts = [text[first : first + LONGEST] for first in range(0, len(text), LONGEST)]
    if len(parts) > MOST:
        reject("options", f"{len(text)} characters", f"a job takes {MOST * LONGEST}", "Give fewer options.")
    return {_name(index): part for index, part in enumerate(parts)}


def from_variables(kind: type[T], environment: Mapping[str, str]) -> T:
    """Build ``kind``, a dataclass, from what :func:`to_variables` wrote; without variables, of defaults alone.

    Raises:
        ContractError: No JSON object, or a field is unknown, missing or wrong; ``field`` names it.
    """
    text, index = environment.get(OPTIONS_VARIABLE) or "{}", 1
    while part := environment.get(_name(index)):
        text, index = text + part, index + 1
    return decode_json(kind, text, source=OPTIONS_VARIABLE)


def sparse(value: Any) -> Any:
    """Plain JSON values of a dataclass without fields that have their default; one of several kinds keeps its tag."""
    if isinstance(value, list | tuple):
        return [sparse(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    tag = {"kind": value.kind} if hasattr(value, "kind") else {}
    fields = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
    return tag | {field.name: sparse(item) for field, item in fields if item != _default(field)}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _name(index: int) -> str:
    return OPTIONS_VARIABLE if index == 0 else f"{OPTIONS_VARIABLE}_{index + 1}"
