"""Where an artifact keeps inputs of its graphs: what a change to a graph is judged by.

``samples.npz``, or ``<model>.samples.npz`` for a part of an ensemble, has an array for each input and sample, named
``<sample>.<input>`` with samples counted from 0. Arrays have the batch dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Array = TypeVar("Array")


def graph_file(part: str | None) -> str:
    """Name of the graph of a part, or of an artifact that is one model."""
    return "model.onnx" if part is None else f"{part}.onnx"


def samples_file(part: str | None) -> str:
    """Name of the file with inputs for that graph."""
    return "samples.npz" if part is None else f"{part}.samples.npz"


def name_of(sample: int, tensor: str) -> str:
    """Name of one array."""
    return f"{sample}.{tensor}"


def grouped(arrays: Mapping[str, Array]) -> list[dict[str, Array]]:
    """Arrays of the file as inputs of each sample, by the input's name."""
    found: dict[int, dict[str, Array]] = {}
    for name in arrays:
        sample, _, tensor = name.partition(".")
        found.setdefault(int(sample), {})[tensor] = arrays[name]
    return [found[sample] for sample in sorted(found)]
