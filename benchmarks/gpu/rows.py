"""The rows: what each measures, what it needs, and the order in which they are worth their time."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu.settings import Setting

OURS, PLAIN, TRAINER = "trainyard", "plain PyTorch", "Hugging Face Trainer"
_MODULES = {OURS: "ours", PLAIN: "plain", TRAINER: "trainer"}
SECONDS = 300
"""Longest that a row may take; compiling the larger shape as one graph takes most of it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement, made in a process of its own."""

    kind: str
    """speed, checkpoint or recovery: the table that it belongs to."""
    setting: str
    who: str
    mode: str

    @property
    def name(self) -> str:
        return " / ".join((self.kind, self.setting, self.who, self.mode))

    @property
    def needs(self) -> tuple[str, ...]:
        """What must be installed beside PyTorch and numpy."""
        if self.kind == "checkpoint":
            return ("awscrt",)
        if self.kind == "recovery":
            return ("awscrt", "torchdata", "safetensors")
        return (*(("transformers", "accelerate") if self.who == TRAINER else ()),
                *(("torchao",) if self.mode == "float8" else ()))  # fmt: skip

    @property
    def missing(self) -> list[str]:
        """What is not."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]

    def measure(self, settings: dict[str, Setting]) -> dict[str, Any]:
        """Do it, here and now."""
        name = {"speed": _MODULES.get(self.who, ""), "checkpoint": "checkpoints"}.get(self.kind, "recovery")
        # A module is imported where it is measured: another's packages may be missing.
        work: Callable[..., dict[str, Any]] = importlib.import_module(f"benchmarks.gpu.{name}").run
        setting = settings[self.setting]
        return work(setting) if name == "recovery" else work(setting, self.mode)


def _speed(setting: str, who: str, mode: str) -> Row:
    return Row(kind="speed", setting=setting, who=who, mode=mode)


ROWS = (
    _speed("1.2B", OURS, "compiled"),
    _speed("1.2B", PLAIN, "compiled"),
    _speed("1.2B", TRAINER, "compiled"),
    _speed("1.2B", OURS, "eager"),
    Row(kind="checkpoint", setting="1.2B", who=OURS, mode="sync"),
    Row(kind="checkpoint", setting="1.2B", who=OURS, mode="async"),
    Row(kind="recovery", setting="1.2B", who=OURS, mode="eager"),
    _speed("8B", OURS, "compiled"),
    _speed("8B", PLAIN, "compiled"),
    _speed("8B", TRAINER, "compiled"),
    _speed("1.2B", OURS, "float8"),
    _speed("8B", OURS, "float8"),
    _speed("8B", OURS, "eager"),
    _speed("1.2B", TRAINER, "eager"),
    _speed("1.2B", PLAIN, "eager"),
    _speed("8B", TRAINER, "eager"),
    _speed("8B", PLAIN, "eager"),
)
"""Most telling first: what time does not suffice for is at the end."""
