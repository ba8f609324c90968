"""What Slurm's agent does without a Slurm."""

from __future__ import annotations

from pathlib import Path

from trainyard.local.clusters.machines import Slot
from trainyard.local.clusters.node import Node
from trainyard.local.clusters.scheduler import Scheduler


def _untouched(slot: Slot) -> Node:
    raise AssertionError(slot)


def test_workers_whose_controller_has_left_are_not_configured(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/x86_64-linux-gnu/slurm-wlm").mkdir(parents=True)
    worker = Slot(logical_id="w-1", group="w", address="10.1.0.4", instance_id="i-1", instance_type="ml.c5.xlarge",
                  role="r", node_type="Compute", up=True)  # fmt: skip
    Scheduler("c", tmp_path, _untouched, None).configure([worker], keep=True)
