"""What the documents show is what the commands print: every block of docs/cost/what-if.md and docs/sizing.md that is
marked ``console``. Blocks that rest on the price table are marked ``text``, for the table changes."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainyard import cli

DOCS = Path(__file__).parents[3] / "docs"
CUT = "…"


def blocks() -> Iterator[Any]:
    for document in (DOCS / "cost" / "what-if.md", DOCS / "sizing.md"):
        for block in re.findall(r"```console\n\$ (.*?)```", document.read_text(), flags=re.DOTALL):
            line, *shown = block.rstrip().splitlines()
            yield pytest.param(shlex.split(line), shown, id=line)


@pytest.mark.slow
@pytest.mark.parametrize(("line", "shown"), list(blocks()))
def test_a_document_shows_what_is_printed(
    line: list[str], shown: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr()
    printed = [each.rstrip() for each in (said.out + said.err).rstrip().splitlines()]
    if shown[-1] == CUT:
        shown = shown[:-1]
        printed = printed[: len(shown)]
    assert printed == shown


def test_there_is_something_to_compare() -> None:
    assert len(list(blocks())) > 15
