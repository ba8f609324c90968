"""Figures as JSON, from which a later call goes on, and as Markdown."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.rows import ROWS, Row
from benchmarks.gpu.settings import Setting

Results = dict[str, dict[str, Any]]
"""By the row's name: its figures, or ``skipped`` with the reason."""


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name(0) if cuda else "CPU",
        "memory_gib": round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1) if cuda else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
    }


def load(path: Path) -> Results:
    """Rows that an earlier call measured on this kind of machine; none where it was another."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text())
    rows: Results = found["rows"] if found["machine"] == machine() else {}
    return {name: row for name, row in rows.items() if "skipped" not in row}


def write(folder: Path, results: Results, settings: Mapping[str, Setting], *, smoke: bool) -> str:
    """Write gpu.json and gpu.md, and return the latter's text."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "benchmark": "gpu", "smoke": smoke, "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(), "settings": {name: setting.words for name, setting in settings.items()}, "rows": results,
    }  # fmt: skip
    (folder / "gpu.json").write_text(json.dumps(document, indent=1) + "\n")
    text = markdown(results, settings, smoke=smoke)
    (folder / "gpu.md").write_text(text)
    return text


def markdown(results: Results, settings: Mapping[str, Setting], *, smoke: bool) -> str:
    """Tables of everything, and below them what was not measured and why."""
    found = machine()
    warning = "Tiny shapes, to show that the script runs: these are no figures of a GPU.\n\n" if smoke else ""
    parts = [f"{warning}{found['device']}, torch {found['torch']}, CUDA {found['cuda']}. "
             + ". ".join(setting.words for setting in settings.values()) + "."]  # fmt: skip
    parts += [table for table in (_speed(results), _checkpoints(results), _recovery(results)) if table]
    skipped = [f"- {name}: {row['skipped']}" for name, row in results.items() if "skipped" in row]
    if skipped:
        parts.append("Not measured:\n\n" + "\n".join(skipped))
    return "\n\n".join(parts) + "\n"


def _rows(results: Results, kind: str) -> list[tuple[Row, dict[str, Any]]]:
    ordered = sorted(ROWS, key=lambda row: row.setting)
    named = [(row, results.get(row.name)) for row in ordered if row.kind == kind]
    return [(row, found) for row, found in named if found is not None and "skipped" not in found]


def _speed(results: Results) -> str:
    rows = _rows(results, "speed")
    cells = []
    for row, found in rows:
        reference = next(other for beside, other in rows if beside.setting == row.setting)
        pairs = list(zip(found["losses"], reference["losses"], strict=True))
        cells.append([
            row.setting, row.who, row.mode, f"{found['tokens_per_second']:,.0f}", _percent(found["mfu"]),
            _percent(found["mfu_causal"]), _number(found["peak_gib"], 1), f"{1000 * found['step_seconds']:.1f}",
            f"{found['warm_seconds']:.1f}", f"{found['losses'][0]:.4f}", f"{found['losses'][-1]:.4f}",
            f"{max(abs(one - other) for one, other in pairs):.4f}",
        ])  # fmt: skip
    heads = ["shape", "who", "mode", "tokens/s", "MFU", "MFU, causal", "peak GiB", "step ms", "warm-up s", "first loss",
             "last loss", "largest difference of a loss"]  # fmt: skip
    return _table("Speed", heads, cells)


def _checkpoints(results: Results) -> str:
    cells = [
        [row.setting, row.mode, _number(found["state_gib"], 2), _number(found["stall_seconds"], 2),
         _number(found["commit_seconds"], 2), f"{1000 * found['step_seconds']:.1f}", str(found["beside_steps"]),
         _number(found["beside_slowdown"], 2)]
        for row, found in _rows(results, "checkpoint")
    ]  # fmt: skip
    heads = ["shape", "mode", "state GiB", "stall s", "commit s", "usual step ms", "steps beside it",
             "their mean / usual"]  # fmt: skip
    return _table("Checkpoint", heads, cells)


def _recovery(results: Results) -> str:
    cells = [
        [f"{found['parameters'] / 1e6:,.1f}", _number(found["sigterm_to_commit_seconds"], 2),
         _number(found["sigterm_to_exit_seconds"], 2), _number(found["kill_to_first_step_seconds"], 2),
         str(found["steps_lost"])]
        for _, found in _rows(results, "recovery")
    ]  # fmt: skip
    heads = ["million parameters", "SIGTERM to COMMIT s", "SIGTERM to exit s", "kill to first new step s", "steps lost"]
    return _table("Recovery", heads, cells)


def _table(title: str, heads: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    if not cells:
        return ""
    lines = [heads, ["---"] * len(heads), *cells]
    return f"### {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
