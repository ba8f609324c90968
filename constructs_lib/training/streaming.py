"""The address of a stream inside a hyperparameter that holds more than it."""

from __future__ import annotations

import dataclasses
from typing import Any

from constructs_lib.training.expressions import Expression, Join
from ml_contract.hyperparameters import encode

_MARK = "s3://trainyard-stream/mark"


def streamed(hyperparameters: object, path: str, uri: str | Expression) -> dict[str, Any]:
    """The hyperparameter that ``path`` belongs to, with ``uri`` in its place.

    Args:
        hyperparameters: The dataclass.
        path: A field, or a field of an object: ``loading.stream_uri``.
        uri: The address, which may be known only to an execution: the text around it is joined with it then.
    """
    assert dataclasses.is_dataclass(hyperparameters)
    assert not isinstance(hyperparameters, type)
    outer, _, inner = path.partition(".")
    if not inner:
        return {outer: uri}
    # Encoded as ever with a mark in place of the address, and cut there: an expression cannot stand inside JSON text.
    marked = dataclasses.replace(getattr(hyperparameters, outer), **{inner: _MARK})
    before, _, after = encode(dataclasses.replace(hyperparameters, **{outer: marked}))[outer].partition(_MARK)
    return {outer: f"{before}{uri}{after}" if isinstance(uri, str) else Join(values=(before, uri, after))}
