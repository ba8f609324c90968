"""torch.profiler on demand: three steps as a Chrome trace, one file a rank."""

from __future__ import annotations

from pathlib import Path

import torch

STEPS = 3


class Profile:
    """Records the steps ``first … first + 2`` of a run."""

    def __init__(self, folder: Path, *, rank: int, first: int) -> None:
        self._path = folder / f"rank-{rank:05d}-step-{first}.json.gz"
        self._first = first
        self._profiler: torch.profiler.profile | None = None

    def before(self, step: int) -> None:
        """Called before each step; starts with the one that is to be recorded."""
        if step == self._first:
            activities = [torch.profiler.ProfilerActivity.CPU]
            if torch.cuda.is_available():
                activities.append(torch.profiler.ProfilerActivity.CUDA)
            self._profiler = torch.profiler.profile(activities=activities, record_shapes=True)
            self._profiler.start()

    def after(self, step: int) -> None:
        """Called after each step; writes once the last one is over."""
        if self._profiler is not None and step >= self._first + STEPS - 1:
            self.close()

    def close(self) -> None:
        """Write what was recorded, if that did not happen yet."""
        if self._profiler is not None:
            profiler, self._profiler = self._profiler, None
            profiler.stop()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            profiler.export_chrome_trace(str(self._path))
