"""Figures of out/benchmarks as docs/benchmarks.md shows them: `python -m benchmarks.markdown serving serving-cpu`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.results import FOLDER


def table(document: Mapping[str, Any]) -> str:
    """The rows of a published document as Markdown."""
    columns = list(document["rows"][0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(row[column]) for column in columns)} |" for row in document["rows"]]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    return str(value)


def main() -> int:
    """Every document that is named."""
    for name in sys.argv[1:]:
        document = json.loads((FOLDER / f"{name}.json").read_text())
        print(f"{document['benchmark']}, measured {document['measured']}, {document['machine']['cpus']} cores: "
              f"{document['notes']}\n\n{table(document)}\n")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
