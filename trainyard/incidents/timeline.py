"""What happened when, while an incident was played."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["prepared", "provoked", "alarm", "told", "command", "checked", "ok", "failed", "cleared"]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened."""

    seconds: float
    """Since the play began."""
    kind: Kind
    text: str
    """One line."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"seconds": round(self.seconds, 1), "kind": self.kind, "text": self.text}


@dataclass
class Timeline:
    """Moments in order; whoever watches hears of each as it happens."""

    watch: Callable[[Moment], None] = lambda _: None
    moments: list[Moment] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def note(self, kind: Kind, text: str) -> None:
        """Add what has just happened."""
        moment = Moment(seconds=time.monotonic() - self._began, kind=kind, text=text)
        self.moments.append(moment)
        self.watch(moment)

    def first(self, kind: Kind) -> float | None:
        """When something of that kind first happened, in seconds since the beginning."""
        return next((moment.seconds for moment in self.moments if moment.kind == kind), None)
