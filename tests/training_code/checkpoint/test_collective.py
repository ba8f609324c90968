"""How the group of a checkpoint is given back."""

import gc
import weakref
from pathlib import Path

import pytest
import torch.distributed as dist

from training_code.checkpoint import collective


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.slow
def test_a_group_outlives_its_use_only_where_its_end_would_wait_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    monkeypatch.setattr(collective, "LOCKED_TEARDOWN", locked)
    monkeypatch.setattr(collective, "_kept", [])
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        ranks = collective.Ranks(None, timeout_s=10)
        assert ranks.all("here") == ["here"]
        group = weakref.ref(ranks.group)
        ranks.close()
        gc.collect()
        assert (group() is not None) == locked
    finally:
        dist.destroy_process_group()
