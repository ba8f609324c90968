"""TensorBoard's event files, in the folder that SageMaker copies to S3 (TensorBoardOutputConfig)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from training_code.watching.sink import Sink


class TensorBoard(Sink):
    """Scalars by step."""

    name = "TensorBoard"

    def __init__(self, folder: Path, *, done: int) -> None:
        """Write into ``folder``; what a lost attempt wrote after step ``done`` is hidden."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=done + 1 if done else None, flush_secs=10)

    def write(self, step: int, figures: Mapping[str, float], /) -> None:
        for name, value in figures.items():
            # A colon would end up as another name in the page.
            self._writer.add_scalar(name.replace(":", "/"), value, step)

    def close(self, status: str) -> None:
        self._writer.add_text("status", status)
        self._writer.close()
