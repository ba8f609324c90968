"""The last figures of a run as a file for the node's exporter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ml_contract.prometheus import file_name, text
from training_code.watching.sink import Sink


class TextFile(Sink):
    """One file, replaced at every step, gone when the run is."""

    name = "Prometheus"

    def __init__(self, folder: Path, run: str) -> None:
        """Write into ``folder``, which must be there: it is the exporter's."""
        self._run = run
        self._file = folder / file_name(re.sub(r"[^A-Za-z0-9._-]", "-", run))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        # The exporter must never see half of it, and does not look at what ends otherwise.
        new = self._file.with_suffix(".new")
        new.write_text(text(self._run, step, figures))
        # The exporter is another user than the one who trains, whatever his umask is.
        new.chmod(0o644)
        new.replace(self._file)

    def close(self, status: str) -> None:
        # A run that is to go on leaves its figures: that it stands still is what has to be seen.
        if status != "KILLED":
            self._file.unlink(missing_ok=True)
