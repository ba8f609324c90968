"""An answer as one HTML page that needs no network."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
import plotly.io
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ml_contract.errors import reject
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
    if output.is_dir():
        reject("--html", str(output), "it is a folder", f"Name a file, such as {output / 'page.html'}.")
    page = render(answer)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(output)
    return f"{output}: {len(page) / 2**20:.1f} MiB, needs no network"


def render(answer: Answer) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["plot"] = _plot
    return environment.get_template("page.html.j2").render(
        answer=answer, figures=answer.figures(), plotly=get_plotlyjs(), written=datetime.now().astimezone()
    )


def _plot(figure: go.Figure) -> Any:
    options = {"displayModeBar": False, "responsive": True}
    html = plotly.io.to_html(figure, full_html=False, include_plotlyjs=False, config=options)
    return Markup(html)  # noqa: S704 — plotly escapes what it embeds
