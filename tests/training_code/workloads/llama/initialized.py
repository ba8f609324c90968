"""Models that the tests begin with."""

from __future__ import annotations

from ml_contract.workloads.llama import Llama
from training_code.parallel.weights import initialize
from training_code.workloads.llama.model import LlamaModel
from training_code.workloads.llama.workload import LlamaWorkload


def built(options: Llama, seed: int = 0) -> LlamaModel:
    """A model with the initial weights of a seed."""
    workload = LlamaWorkload(options)
    model = workload.build()
    initialize(model, workload, seed)
    return model
