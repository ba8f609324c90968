"""Options and places that are refused."""

from __future__ import annotations

from typing import Any

import pytest
from checkpoint_harness import RUN

from training_code.checkpoint import (
    CheckpointManager,
    CheckpointOptions,
)


@pytest.mark.parametrize(
    "place", ["checkpoints", "s3://bucket", "file://host/folder", "https://bucket/prefix", "file:///"]
)
def test_a_place_of_another_form_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="checkpoint_uri: got"):
        CheckpointManager(place, run=RUN)


@pytest.mark.parametrize(
    ("field", "value"),
    [("part_bytes", 2**20), ("attempts", 0), ("read_timeout_s", 0)],
)
def test_options_out_of_range_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: got"):
        CheckpointOptions(**{field: value})
