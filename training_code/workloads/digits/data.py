"""Images and labels as records of bytes, in the shards that tokens have too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from ml_contract.errors import reject
from ml_contract.workloads.digits import CLASSES, SIDE
from training_code.data.source import Source
from training_code.data.split import WAY_OUT
from training_code.data.tokens import TokenShards

PIXELS = SIDE**2
INK = 16
"""Largest pixel: how many of 4 x 4 points of the scan are black."""
RECORD = PIXELS + 1
"""Bytes of an image, row by row, and its label."""

_MOST = np.array([INK] * PIXELS + [CLASSES - 1], np.uint8)

Records = npt.NDArray[np.uint8]
"""Of shape [images, RECORD]."""


class Images(Dataset[torch.Tensor]):
    """A split, held in memory: at 65 bytes an image a million of them are 62 MiB."""

    def __init__(self, place: Path | Source, *, verify: bool = True) -> None:
        """
        Args:
            place: Folder or source of the split.
            verify: Hold all content against its digests; that every record is an image is always checked.

        Raises:
            ContractError: The split is missing or damaged, or holds something else than images of digits.
        """
        self.shards = TokenShards.open(place, verify=verify)
        self.records = self._checked()

    @property
    def digest(self) -> str:
        """Of all content, in order."""
        return self.shards.digest

    @property
    def labels(self) -> Records:
        """Of shape [images]."""
        return self.records[:, PIXELS]

    @property
    def pixels(self) -> Records:
        """Of shape [images, side, side]."""
        return self.records[:, :PIXELS].reshape(-1, SIDE, SIDE)

    @property
    def about(self) -> dict[str, Any]:
        """What the manifest tells of the data's source."""
        return dict(self.shards.split.manifest["source"])

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> torch.Tensor:
        """One record, uint8 of shape [65]."""
        return torch.from_numpy(self.records[index])

    def _checked(self) -> Records:
        size, place = len(self.shards), self.shards.split.source.place
        if self.shards.dtype != np.uint8 or size == 0 or size % RECORD:
            reject(f"records in {place}", f"{size} x {self.shards.dtype.name}", f"a record has {RECORD} bytes,"
                   f" {PIXELS} pixels and a label, and none may be cut", WAY_OUT)  # fmt: skip
        records = self.shards.read(0, size).reshape(-1, RECORD)
        wrong = np.argwhere(records > _MOST)
        if len(wrong):
            record, byte = map(int, wrong[0])
            name = f"pixel {byte}" if byte < PIXELS else "label"
            reject(f"{name} of record {record} in {place}", int(records[record, byte]),
                   f"it must be between 0 and {_MOST[byte]}", WAY_OUT)  # fmt: skip
        return records
