"""What is to be sized."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE, InstanceType, instance
from ml_contract.sizing.fit import Cluster, fitting
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Compute, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import ModelParallel
from trainyard.sizing.names import Model, Strategy, strategy


@dataclass(frozen=True, kw_only=True)
class Question:
    """A model and how it is trained."""

    name: str
    """Of the model."""
    model: Model
    strategies: tuple[str, ...]
    """As they are written; see :func:`trainyard.sizing.names.strategy`."""
    micro_batch: int = 1
    """Samples that a data rank works on at one time; of a pipeline each micro-batch."""
    global_batch: int | None = None
    """Samples of an optimiser step; None: one micro-batch of every data rank."""
    compute: Compute = "bfloat16"
    recompute: Literal["none", "selective", "full"] = "full"
    any_network: bool = False
    """Whether several hosts may be without EFA, whose network is then what training waits for."""
    most_hosts: int = 64
    """Where the search ends."""

    def __post_init__(self) -> None:
        between("micro-batch", self.micro_batch, 1, 4096)
        if self.global_batch is not None:
            at_least("global-batch", self.global_batch, 1)
        between("most-hosts", self.most_hosts, 1, 1024)
        if not self.strategies:
            reject("--strategy", "", "nothing says how it is trained", "Give for example --strategy fsdp.")
        for each in self.strategies:
            strategy(each)

    def run(self, how: Strategy, world: World) -> TrainingRun:
        """The run on so many ranks.

        Raises:
            ContractError: Strategy and world do not go together.
        """
        layout = how.layout(world)
        pipeline = how.pipeline if isinstance(how, ModelParallel) else None
        at_once = self.micro_batch * (pipeline.micro_batches if pipeline else 1)
        return TrainingRun(
            workload=self.model, strategy=how, optimizer=AdamW(learning_rate=1e-4), steps=1,
            global_batch_size=self.global_batch or at_once * layout.data, micro_batch_size=at_once,
            precision=Precision(compute=self.compute), activation_checkpointing=self.recompute,
        )  # fmt: skip

    def clusters(self, how: str) -> Iterator[Cluster]:
        """Of each type with accelerators the fewest hosts that the run fits under one strategy."""
        hosts = [host for host in CATALOGUE.values() if host.accelerators]
        chosen = strategy(how)
        for each in fitting(lambda world: self.run(chosen, world), hosts, most_hosts=self.most_hosts):
            if each.count == 1 or each.host.has_efa or self.any_network:
                yield each


def hosts(text: str) -> tuple[InstanceType, int]:
    """Read ``ml.p4d.24xlarge:2``, or a type alone for one host.

    Raises:
        ContractError: It is written otherwise, or the catalogue does not hold the type.
    """
    found = re.fullmatch(r"([\w.-]+?)(?::(\d{1,4}))?", text)
    if found is None or found[2] == "0":
        reject("--on", text, "it must be a type and a number of hosts", "Write for example ml.p4d.24xlarge:2.")
    host = instance(found[1], field="--on")
    if host.device is not None and host.device.runs_on != "cuda":
        reject("--on", text, f"the training code does not run on {host.accelerator}", "Take a type with NVIDIA's GPUs.")
    return host, int(found[2] or 1)
