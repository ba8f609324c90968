"""A model spread over ranks: one module a strategy, loaded only where it is asked for."""

from __future__ import annotations

import importlib
from typing import Any, cast

from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun
from training_code.parallel.base import Parallel, Passed, to_device
from training_code.parallel.ranks import Ranks
from training_code.workloads.base import Workload

__all__ = ["Parallel", "Passed", "Ranks", "backend", "build", "to_device"]

_MODULES = {
    "ddp": "ddp", "fsdp": "fsdp", "model_parallel": "model_parallel", "deepspeed": "deepspeed",
    "smp": "smp", "smddp": "smddp", "mpi": "ddp", "horovod": "horovod",
}  # fmt: skip
_REGISTERED = ("smddp", "horovod")
"""Those that have to do something before the process group is made."""


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks) -> Parallel:
    """The workload's model as the run's strategy spreads it.

    Raises:
        ContractError: The strategy does not fit the ranks, or the image lacks what it needs.
    """
    layout = run.bind(World(hosts=ranks.world_size // ranks.local_world_size, ranks_per_host=ranks.local_world_size))
    module = importlib.import_module(f"training_code.parallel.{_MODULES[run.strategy.kind]}")
    return cast(Parallel, module.build(run, workload, ranks, layout))


def backend(run: TrainingRun) -> str | None:
    """The process group's backend that the strategy demands; None for the ordinary one.

    Raises:
        ContractError: The image lacks it.
    """
    if run.strategy.kind not in _REGISTERED:
        return None
    # It exists, or its library runs, once that is imported.
    module = importlib.import_module(f"training_code.parallel.{_MODULES[run.strategy.kind]}")
    return cast(str, module.register())
