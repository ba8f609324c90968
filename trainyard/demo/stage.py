"""A stage of the demo: a heading, what happens, and one line that says what was shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


class CheckFailed(RuntimeError):
    """A stage did not show what it promises."""


def check(condition: bool, failure: str) -> None:
    """Fail the demo with ``failure`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailed(failure)


@dataclass
class Stage:
    """What a stage has to say when it is done."""

    shown: str = ""


@dataclass
class Stages:
    """Prints the stages and remembers how long each took."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    """Duration of each stage, by title."""

    @contextmanager
    def __call__(self, title: str) -> Iterator[Stage]:
        """Print ``title``, run the block, print what it has shown."""
        self.console.print(f"\n[bold]{len(self.seconds) + 1}  {title}[/]")
        stage = Stage()
        began = time.monotonic()
        yield stage
        self.seconds[title] = time.monotonic() - began
        assert stage.shown, f"{title} says nothing"
        self.console.print(f"  [green]✓[/] {stage.shown}  [dim]({self.seconds[title]:.1f} s)[/]", highlight=False)
