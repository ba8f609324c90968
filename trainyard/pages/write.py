"""Pages from templates that extend ``base.html.j2``."""

from __future__ import annotations

import base64
import functools
import gzip
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from ml_contract.errors import reject
from trainyard.pages import colours

_HERE = Path(__file__).parent


def render(template: Path, **values: Any) -> str:
    """A page as HTML.

    It holds Plotly and forbids the browser every request: see the policy in ``base.html.j2``. The template's filter
    ``plot`` draws a figure of :mod:`trainyard.pages.figures`: ``{{ figure | plot("What it shows.") }}``.

    Args:
        template: A template that extends ``base.html.j2`` with the blocks ``title`` and ``main``.
        values: What it names; ``written``, the time, is there besides.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, _HERE]), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["plot"] = _plot
    return environment.get_template(template.name).render(
        **values, written=datetime.now().astimezone(), bundle=bundle, other_forms=colours.other_forms(),
        script=Markup((_HERE / "page.js").read_text(encoding="utf-8")),  # noqa: S704 - a file of this package
        ground=colours.GROUND, text=colours.TEXT, note=colours.NOTE, line=colours.LINE, series=colours.SERIES,
    )  # fmt: skip


def render_figures(title: str, figures: Sequence[tuple[str, go.Figure]]) -> str:
    """A page of plots alone, each with its caption."""
    return render(_HERE / "figure.html.j2", title=title, figures=figures)


def write(page: str, output: Path, *, option: str = "--output") -> str:
    """Write a page; it appears whole or not at all.

    Args:
        page: As :func:`render` gave it.
        output: The HTML file; folders above it are made.
        option: What the user named it by.

    Returns:
        A sentence that says what was written.

    Raises:
        ContractError: ``output`` is a folder.
    """
    require_file(output, option=option)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(output)
    return f"{output}: {output.stat().st_size / 2**20:.1f} MiB, needs no network"


def require_file(output: Path, *, option: str = "--output") -> None:
    """Refuse a folder before work is done for it.

    Raises:
        ContractError: ``output`` is a folder.
    """
    if output.is_dir():
        reject(option, str(output), "it is a folder", f"Name a file, such as {output / 'page.html'}.")


@functools.cache
def bundle() -> str:
    """Plotly's bundle, compressed, in letters: a third of the 4.8 MB that the package holds."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def _plot(figure: go.Figure, caption: str) -> Markup:
    # What ends a script element early is written otherwise.
    document = str(figure.to_json()).replace("<", "\\u003c")
    return Markup(  # noqa: S704 - the caption is escaped, and the document has no markup
        f'<figure><figcaption class="note">{escape(caption)}</figcaption>'
        f'<div class="plot" role="img" aria-label="{escape(caption)}"></div>'
        f'<script type="application/json">{document}</script></figure>'
    )
