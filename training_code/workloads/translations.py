"""What the exporter of graphs does not translate, or translates otherwise than torch computes it.

Handed to ``torch.onnx.export(custom_translation_table=…)``; functions are traced by onnxscript, so that what looks like
Python here becomes nodes of the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from onnxscript import opset18

op: Any = opset18
"""Typed for tensors alone, while numbers become tensors as functions are traced."""


def _stable_sort(self: Any, *, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:  # noqa: ARG001
    # Of equal elements TopK takes the one of the lower index first (ONNX operators, TopK): that is stable.
    size = op.Reshape(op.Gather(op.Shape(self), dim, axis=0), op.Constant(value_ints=[1]))
    return op.TopK(self, size, axis=dim, largest=int(descending), sorted=1)


def _atan2(y: Any, x: Any) -> Any:
    # The exporter's own gives -pi for y = 0 and x < 0, where torch gives pi.
    zero, half = op.CastLike(0.0, y), op.CastLike(math.pi, y)
    angle = op.Atan(op.Div(y, x))
    turned = op.Where(op.GreaterOrEqual(y, zero), op.Add(angle, half), op.Sub(angle, half))
    found = op.Where(op.Less(x, zero), turned, angle)
    return op.Where(op.IsNaN(found), zero, found)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.sort.stable: _stable_sort, torch.ops.aten.atan2.default: _atan2
}  # fmt: skip
