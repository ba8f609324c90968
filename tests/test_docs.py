"""What documentation says that code knows: links lead somewhere, tables are those of the code."""

import re
from functools import cache
from pathlib import Path

import pytest

from ml_contract.clusters.nodes import NODE_TYPES
from ml_contract.clusters.steps import STEPS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def text(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text())


@cache
def anchors(page: Path) -> frozenset[str]:
    """What GitHub makes of a page's headings: lower case, words and hyphens."""
    headings = re.findall(r"^#+ +(.+?) *$", text(page), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text(page))):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_the_steps_of_a_node_are_those_that_run() -> None:
    page = text(ROOT / "docs/hyperpod/lifecycle.md")
    found = re.findall(r"^\| ([a-z-]+) \| ([a-z, ]+) \| (\d+)(?: × (\d+))? \|", page, re.MULTILINE)
    assert found == [
        (step.name, "all" if step.nodes == NODE_TYPES else ", ".join(step.nodes), str(step.limit),
         str(step.tries) if step.tries > 1 else "")
        for step in STEPS
    ]  # fmt: skip
