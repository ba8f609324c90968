"""Memory of a rank as bars."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from ml_contract.sizing.needs import Memory
from trainyard.pages.figures import COLOURS, QUIET, plot

GIB = 2**30
_ITEMS = ("parameters", "gradients", "optimiser state", "activations", "scores and loss")


def memory_bars(found: Sequence[tuple[str, Memory, int]]) -> list[tuple[str, go.Figure]]:
    """What a rank holds at its worst moment, item by item, beside what its accelerator has.

    Args:
        found: Name, memory and GiB of the accelerator, a bar each.
    """
    figure = plot(x="GiB of a rank", y="")
    names = [name for name, _, _ in found]
    parts = [_parts(memory) for _, memory, _ in found]
    for colour, item in zip(COLOURS, (*_ITEMS, "other"), strict=True):
        sizes = [part.get(item, 0) / GIB for part in parts]
        figure.add_trace(go.Bar(y=names, x=sizes, name=item, orientation="h", marker_color=colour))
    there = {"symbol": "line-ns", "size": 26, "line": {"width": 3, "color": QUIET}}
    figure.add_trace(go.Scatter(y=names, x=[gib for _, _, gib in found], mode="markers", marker=there,
                                name="memory there is"))  # fmt: skip
    figure.update_layout(barmode="stack", height=220 + 44 * len(names), yaxis={"autorange": "reversed"})
    return [("What a rank holds at its worst moment, beside the memory of its accelerator.", figure)]


def _parts(memory: Memory) -> dict[str, int]:
    """Items on the device at the worst moment: those of all the time, and those of one end of backward."""
    here = [need for need in memory.needs if need.place == "device" and need.bytes]
    begin, end = (sum(need.bytes for need in here if need.when == when) for when in ("begin", "end"))
    worst = "begin" if begin >= end else "end"
    found: dict[str, int] = {}
    for need in here:
        if need.when in ("always", worst):
            item = need.what if need.what in _ITEMS else "other"
            found[item] = found.get(item, 0) + need.bytes
    return found
