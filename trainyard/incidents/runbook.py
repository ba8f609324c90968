"""Runbooks as they are written: Markdown below docs/runbooks, whose console blocks hold the commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainyard.local.cloud import ROOT
from trainyard.operations.connection import OperationError

FOLDER: Final = ROOT / "docs" / "runbooks"
SECTIONS: Final = ("Symptom", "Alarm", "Commands", "What not to do", "Afterwards")
"""Headings of every runbook, in this order."""
_SECTION = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
_ASSIGNED = re.compile(r"(?:^|[;&(\s])([A-Z][A-Z0-9_]*)=")


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One runbook."""

    name: str
    """Stem of its file."""
    title: str
    """Its first heading."""
    sections: dict[str, str]
    """Text by heading, in the order of the page."""

    @classmethod
    def read(cls, name: str, folder: Path = FOLDER) -> Runbook:
        """Read a page.

        Raises:
            OperationError: There is no such page.
        """
        page = folder / f"{name}.md"
        if not page.exists():
            raise OperationError(f"{name}: there is no runbook {page}")
        return parse(name, page.read_text())

    @property
    def commands(self) -> tuple[str, ...]:
        """What a person types, in order: the lines of the section's console blocks that begin with ``$``.

        A line that ends in a backslash goes on in the next. What is not typed is an example of an answer.
        """
        found: list[str] = []
        for block in _CONSOLE.findall(self.sections.get("Commands", "")):
            goes_on = False
            for line in block.splitlines():
                if goes_on:
                    found[-1] += f"\n{line}"
                elif line.startswith("$ "):
                    found.append(line.removeprefix("$ "))
                else:
                    continue
                goes_on = found[-1].endswith("\\")
        return tuple(found)

    @property
    def variables(self) -> frozenset[str]:
        """What the commands take from the shell and set nowhere themselves."""
        given: set[str] = set()
        wanted: set[str] = set()
        for command in self.commands:
            wanted |= set(_VARIABLE.findall(command)) - given
            given |= set(_ASSIGNED.findall(command))
        return frozenset(wanted)


def parse(name: str, text: str) -> Runbook:
    """A runbook from its Markdown."""
    title = re.search(r"^# +(.+?) *$", text, re.MULTILINE)
    parts = _SECTION.split(text)
    return Runbook(
        name=name,
        title=title[1] if title else "",
        sections={heading: body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)},
    )
