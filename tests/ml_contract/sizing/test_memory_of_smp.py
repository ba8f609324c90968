"""Memory of a rank under SageMaker's model parallel library."""

import pytest

from ml_contract.sizing.memory import memory
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.workloads import WorkloadOptions
from ml_contract.workloads.llama import LLAMA_8B, MIXTRAL_8X7B

from .memory_runs import run, world


def test_offloaded_activations_wait_in_host_memory() -> None:
    kept, offloaded = (
        memory(run(SageMakerModelParallel(activation_offloading=offloading), micro_batch_size=1,
                   activation_checkpointing="full"), world(4, 8)) for offloading in (False, True)
    )  # fmt: skip
    assert offloaded.item("activations") < kept.item("activations")
    assert offloaded.total("host") > kept.total("host")


@pytest.mark.parametrize(
    ("strategy", "workload", "least", "most"),
    [
        # Divided matrices leave the residual stream whole, as far as is known.
        (SageMakerModelParallel(tensor=2, hybrid_shard_degree=4), LLAMA_8B, 0.5, 0.75),
        (SageMakerModelParallel(context=2, hybrid_shard_degree=8), LLAMA_8B, 0.5, 0.6),
    ],
)  # fmt: skip
def test_smps_degrees_divide_activations(
    strategy: SageMakerModelParallel, workload: WorkloadOptions, least: float, most: float
) -> None:
    whole, divided = (
        memory(run(each, workload, micro_batch_size=1), world(4, 8)).item("activations")
        for each in (SageMakerModelParallel(hybrid_shard_degree=8), strategy)
    )
    assert least * whole <= divided <= most * whole


def test_smps_experts_are_divided_and_all_else_is_copied() -> None:
    size = MIXTRAL_8X7B.size
    whole, divided = (
        memory(run(SageMakerModelParallel(expert=expert, hybrid_shard_degree=4), MIXTRAL_8X7B), world(4, 8))
        for expert in (1, 8)
    )
    assert size.in_experts == 32 * 8 * 3 * 4096 * 14336
    assert whole.item("parameters") == 4 * size.parameters // 4
    assert divided.item("parameters") == size.parameters - size.in_experts * 7 // 8
    assert divided.item("gathered parameters") < whole.item("gathered parameters") / 4


def test_smps_first_host_makes_all_weights_before_they_are_dealt_out() -> None:
    plain, divided = (
        memory(run(SageMakerModelParallel(tensor=tensor), LLAMA_8B), world(4, 8)) for tensor in (1, 2)
    )  # fmt: skip
    assert 8 * divided.item("weights before they are dealt out") == 8 * LLAMA_8B.size.parameters
    assert plain.item("weights before they are dealt out") == 0
