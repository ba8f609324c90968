"""What one rank needs, item by item."""

from __future__ import annotations

from typing import Literal, get_args

from ml_contract.values import value_object

Place = Literal["device", "host", "disk"]
When = Literal["always", "begin", "end"]


@value_object
class Need:
    """One item."""

    what: str
    bytes: int
    how: str
    """Where the figure comes from, in a few words."""
    place: Place = "device"
    """Memory of the accelerator, which is the host's on a CPU type; memory of the host; its disk."""
    when: When = "always"
    """All the time, or only when backward begins, or when it ends. In between the one falls as the other grows."""


@value_object
class Memory:
    """What one rank needs; of a pipeline, the stage that needs most."""

    needs: tuple[Need, ...]
    unknown: tuple[str, ...] = ()
    """What no formula is known for: it comes on top."""

    def total(self, place: Place) -> int:
        """Bytes in one place at the worst moment."""
        here = [need for need in self.needs if need.place == place]
        always, begin, end = (sum(need.bytes for need in here if need.when == when) for when in get_args(When))
        return always + max(begin, end)

    def item(self, what: str) -> int:
        """Bytes of one item, wherever it lies; 0 where the run has none of it."""
        return sum(need.bytes for need in self.needs if need.what == what)

    def words(self, *places: Place) -> str:
        """The items in these places, the largest first, those of a moment behind those of all the time."""
        said = {"always": "", "begin": "; as backward begins ", "end": "; as it ends "}
        text = ""
        for when, opening in said.items():
            found = [need for need in self.needs if need.place in places and need.when == when and need.bytes]
            found.sort(key=lambda need: -need.bytes)
            items = ", ".join(f"{need.what} {readable(need.bytes)} ({need.how})" for need in found)
            text += opening + items if items else ""
        return text.removeprefix("; ")


def readable(size: float) -> str:
    """Bytes for a reader."""
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if size >= 2 ** (power - 7):
            return f"{size / 2**power:,.2f} {unit}"
    return f"{size / 2**10:,.1f} KiB"
