"""Slurm is told what an instance type would have."""

from __future__ import annotations

import pytest

from trainyard.local.clusters.hardware import node_of_slurm
from trainyard.local.clusters.machines import Slot


@pytest.mark.parametrize(
    ("instance_type", "threads", "cpus", "gpus"),
    [
        ("ml.p5.48xlarge", None, 192, 8),
        ("ml.p5.48xlarge", 1, 96, 8),
        ("ml.p5.48xlarge", 2, 192, 8),
        ("ml.m8g.large", 1, 2, 0),
    ],
)
def test_threads_that_are_switched_off_are_no_processors(
    instance_type: str, threads: int | None, cpus: int, gpus: int
) -> None:
    slot = Slot(logical_id="w-1", group="w", address="10.1.0.4", instance_id="i-1", instance_type=instance_type,
                role="r", node_type="Compute", threads_per_core=threads)  # fmt: skip
    found = node_of_slurm(slot)
    assert (found.name, found.cpus, found.gpus, found.threads_per_core) == ("ip-10-1-0-4", cpus, gpus, threads)
