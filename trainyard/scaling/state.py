"""What a scaler remembers between two looks, and what it did. Both go to JSON and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A change of capacity."""

    time: float
    """Seconds since the epoch, when it began."""
    before: int
    """Capacity until then."""
    after: int
    """Capacity that it asks for."""
    cause: str
    """Why, in words."""
    source: str
    """Name of the policy or of the scheduled action; ``limits`` where the limits alone required it."""
    cooldown: float
    """Seconds from its completion in which the rules of cooldown hold; 0 for scheduled actions and limits."""


@dataclass(frozen=True, kw_only=True)
class Cooldown:
    """What a completed activity still forbids."""

    until: float
    """Seconds since the epoch."""
    outward: bool
    """It followed a scale-out."""
    base: int
    """Capacity before the scale-out, against which the next one is reckoned."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that the next decision depends on."""

    capacity: int
    """Capacity last asked for."""
    minimum: int
    """Lower limit in force; scheduled actions change it."""
    maximum: int
    """Upper limit in force."""
    seen: float
    """Seconds since the epoch of the last look; scheduled actions after it are due."""
    points: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Newest datapoints of each signal, oldest first; None where CloudWatch has none."""
    last: Mapping[str, float] = field(default_factory=dict)
    """Time of the newest datapoint of each signal."""
    ongoing: Activity | None = None
    """The activity under way: no other begins before it completes."""
    cooldown: Cooldown | None = None
    """What the last activity forbids."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> State:
        """From what `document` wrote."""
        values = dict(document)
        values["points"] = {key: tuple(points) for key, points in values["points"].items()}
        values["ongoing"] = Activity(**values["ongoing"]) if values["ongoing"] else None
        values["cooldown"] = Cooldown(**values["cooldown"]) if values["cooldown"] else None
        return cls(**values)
