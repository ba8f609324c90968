"""Where every benchmark's figures go: a table on the screen and JSON in out/benchmarks."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path("out/benchmarks")


def publish(name: str, rows: Sequence[Mapping[str, Any]], notes: str) -> Path:
    """Print ``rows`` as a table and write them with the machine's description.

    Args:
        name: Of the benchmark; the file is ``out/benchmarks/<name>.json``.
        rows: One mapping a row, all with the same keys.
        notes: What the figures mean.
    """
    table = Table(title=name, title_justify="left", caption=notes, caption_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    console = Console()
    (console if console.is_terminal else Console(width=120)).print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    document = {
        "benchmark": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "notes": notes,
        "rows": [dict(row) for row in rows],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path
