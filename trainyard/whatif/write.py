"""An answer as one HTML page that needs no network."""

from __future__ import annotations

from pathlib import Path

from trainyard.pages import write as pages
from trainyard.whatif.answer import Answer


def write_page(answer: Answer, output: Path) -> str:
    """Write the page; it appears whole or not at all.

    Args:
        answer: What it shows.
        output: The HTML file.

    Returns:
        A sentence that says what was written.

    Raises:
        ContractError: ``output`` is a folder.
    """
    pages.require_file(output, option="--html")
    return pages.write(render(answer), output, option="--html")


def render(answer: Answer) -> str:
    """The page as HTML."""
    return pages.render(Path(__file__).with_name("page.html.j2"), answer=answer, figures=answer.figures())
