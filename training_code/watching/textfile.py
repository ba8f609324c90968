"""The last figures of a run as a file for the node's exporter."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from ml_contract.prometheus import begin, file_name, text
from training_code.watching.sink import Sink


class TextFile(Sink):
    """One file, replaced at every step, gone when the run is."""

    name = "Prometheus"

    def __init__(self, folder: Path, run: str) -> None:
        """Write into ``folder``, which must be there: it is the exporter's."""
        self._run, self._file = run, folder / file_name(run)
        # What is wrong with the folder is told at the first step.
        with contextlib.suppress(OSError):
            begin(folder, run)

    def write(self, step: int, figures: Mapping[str, float], /) -> None:
        # The exporter must never see half of it, and does not look at what ends otherwise.
        new = self._file.with_suffix(".new")
        new.write_text(text(self._run, step, figures))
        new.chmod(0o644)
        new.replace(self._file)

    def close(self, status: str) -> None:
        # A run that is to go on leaves its figures: that it stands still is what has to be seen.
        if status != "KILLED":
            self._file.unlink(missing_ok=True)
