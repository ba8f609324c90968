"""What is learned: one folder a workload, chosen by name; `base` says what each of them is."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from ml_contract.workloads import WorkloadOptions

if TYPE_CHECKING:  # preparing data takes no torch, which is 1.5 s to import
    from training_code.workloads.base import Workload


def load(options: WorkloadOptions) -> Workload[Any]:
    """The workload of the folder that carries the options' kind: its module ``workload`` holds a class WORKLOAD."""
    module = importlib.import_module(f"training_code.workloads.{options.kind}.workload")
    return cast("Workload[Any]", module.WORKLOAD(options))
