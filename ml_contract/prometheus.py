"""Training figures as Prometheus reads them: one file a run, which the node's own exporter publishes.

The program that trains writes ``trainyard-<run>.prom`` into the folder that the variable names, and node_exporter's
textfile collector serves what lies there. Format: "Exposition formats", Prometheus documentation, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ml_contract.metrics import METRICS, Metric

FOLDER_VARIABLE = "TRAINYARD_TEXTFILES"
"""Environment variable with the folder of node_exporter's ``--collector.textfile.directory``; unset: nothing is
written."""
FOLDER = "/var/lib/trainyard/metrics"
"""The folder on a cluster's node, into which every user may write (mode 1777). It outlives a reboot."""
PREFIX = "trainyard_"
STEP = f"{PREFIX}train_step"
"""The step that a run has come to."""


def file_name(run: str) -> str:
    """Name of a run's file: what else the run's name holds is a hyphen there."""
    return f"trainyard-{re.sub(r'[^A-Za-z0-9._-]', '-', run)}.prom"


def begin(folder: Path, run: str) -> Path:
    """Leave a run's file as a sign of now, from which on it is late: the first step replaces it.

    Args:
        folder: The exporter's, which must be there.
        run: Name of the run.

    Returns:
        The file; what an attempt before has left stays in it.
    """
    file = folder / file_name(run)
    file.touch()
    # The exporter is another user than the one who trains, whatever his umask is.
    file.chmod(0o644)
    return file


def name_of(metric: Metric) -> str:
    """A metric's name in Prometheus, where a colon is for recording rules."""
    return PREFIX + metric.name.replace(":", "_")


_NAMES = {metric.name: (name_of(metric), metric.unit) for metric in METRICS}


def text(run: str, step: int, figures: Mapping[str, float]) -> str:
    """The content of a run's file.

    Args:
        run: Name of the run, a label of each figure.
        step: The step that it has come to.
        figures: Figures of that step by the names of their metrics; what is no metric is left out.
    """
    label = run.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    rows = [(STEP, "step", float(step))]
    rows += [(*_NAMES[name], value) for name, value in figures.items() if name in _NAMES]
    return "".join(
        f'# HELP {name} {unit}\n# TYPE {name} gauge\n{name}{{run="{label}"}} {_number(value)}\n'
        for name, unit, value in rows
    )


def _number(value: float) -> str:
    """Go's notation, which has NaN and +Inf where Python has nan and inf."""
    shown = repr(float(value))
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(shown, shown)
