"""DDP and FSDP2: every option does something that can be counted, and none changes the losses."""

import math
from typing import Any

import pytest
from fsdp_targets import changed, measured
from training_harness import tiny_run
from training_ranks import together

from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.workloads import BytesLm

pytestmark = pytest.mark.slow  # ranks that train

BASE = tiny_run(workload=BytesLm(dimension=32, layers=3, heads=2, sequence_length=16), global_batch_size=8)
PARAMETERS = BASE.workload.size.parameters
WIDE = BytesLm(dimension=192, layers=3, heads=2, sequence_length=16)
RUNS: dict[str, TrainingRun] = {
    "ddp": changed(BASE, strategy=Ddp()),
    "ddp, small buckets": changed(BASE, strategy=Ddp(bucket_mib=1), workload=WIDE),
    "ddp, one bucket": changed(BASE, strategy=Ddp(bucket_mib=100), workload=WIDE),
    "full": changed(BASE, strategy=Fsdp()),
    "shard_grad_op": changed(BASE, strategy=Fsdp(sharding="shard_grad_op")),
    "hybrid": changed(BASE, strategy=Fsdp(sharding="hybrid")),
    "prefetch": changed(BASE, strategy=Fsdp(prefetch_forward=2, prefetch_backward=1)),
    "offload": changed(BASE, strategy=Fsdp(cpu_offload=True)),
    "accumulate": changed(BASE, strategy=Fsdp(), micro_batch_size=1),
    "accumulate, whole": changed(BASE, strategy=Fsdp(accumulate="whole"), micro_batch_size=1),
    "accumulate, hybrid": changed(BASE, strategy=Fsdp(sharding="hybrid"), micro_batch_size=1),
    "ddp, accumulate": changed(BASE, strategy=Ddp(), micro_batch_size=1),
    "full recomputation": changed(BASE, strategy=Fsdp(), activation_checkpointing="full"),
    "selective recomputation": changed(BASE, strategy=Fsdp(), activation_checkpointing="selective"),
    "bfloat16": changed(BASE, strategy=Fsdp(), precision=Precision(compute="bfloat16")),
    "bfloat16 sums": changed(BASE, strategy=Fsdp(), precision=Precision(compute="bfloat16", reduce="bfloat16")),
    "ddp, bfloat16": changed(BASE, strategy=Ddp(), precision=Precision(compute="bfloat16")),
    "float16": changed(BASE, strategy=Fsdp(), precision=Precision(compute="float16")),
    "float8": changed(BASE, strategy=Fsdp(), precision=Precision(compute="float8")),
    "not fused": changed(BASE, strategy=Fsdp(), optimizer=AdamW(learning_rate=6e-3, fused=False)),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Figures of the first of four ranks, two a host, by the run's name."""
    everything = together(tmp_path_factory.mktemp("ranks"), measured, list(RUNS.values()), size=4, local_size=2)
    for other in everything[1:]:
        assert [each["losses"] for each in other] == [each["losses"] for each in everything[0]]
    return dict(zip(RUNS, everything[0], strict=True))


@pytest.mark.parametrize(
    "name", ["full", "shard_grad_op", "hybrid", "prefetch", "offload", "accumulate", "accumulate, whole",
             "accumulate, hybrid", "ddp, accumulate", "full recomputation", "selective recomputation", "not fused"]
)  # fmt: skip
def test_how_it_is_spread_changes_no_loss(found: dict[str, Any], name: str) -> None:
    assert found[name]["losses"] == pytest.approx(found["ddp"]["losses"], abs=2e-5)
    assert found[name]["norms"] == pytest.approx(found["ddp"]["norms"], rel=1e-3)
    for parameter, total in found["ddp"]["gathered"].items():
        assert found[name]["gathered"][parameter] == pytest.approx(total, abs=2e-2), parameter


@pytest.mark.parametrize("name", ["bfloat16", "bfloat16 sums", "ddp, bfloat16", "float16", "float8"])
def test_lower_precision_is_another_loss_and_a_near_one(found: dict[str, Any], name: str) -> None:
    assert found[name]["losses"] != found["ddp"]["losses"]
    assert found[name]["losses"] == pytest.approx(found["ddp"]["losses"], abs=0.1)
    assert found[name]["dtypes"] == ["torch.float32"], "what the optimiser updates"


def test_ddp_holds_everything_everywhere(found: dict[str, Any]) -> None:
    assert found["ddp"]["held"] == PARAMETERS
    assert found["ddp"]["state_held"] == 2 * PARAMETERS


def test_full_sharding_holds_a_part_and_gathers_each_block_twice(found: dict[str, Any]) -> None:
    full = found["full"]
    assert full["held"] == pytest.approx(PARAMETERS / 4, rel=0.05)
    assert full["state_held"] == 2 * full["held"]
    # Three blocks for forward and again for backward, and what is outside of them once.
    assert full["exchanges"]["_allgather_base_"] == 7
    assert full["exchanges"]["_reduce_scatter_base_"] == 4


def test_shard_grad_op_gathers_once(found: dict[str, Any]) -> None:
    assert found["shard_grad_op"]["exchanges"]["_allgather_base_"] == 4
    assert found["shard_grad_op"]["held"] == found["full"]["held"]


def test_hybrid_shards_on_a_host_and_copies_over_hosts(found: dict[str, Any]) -> None:
    hybrid = found["hybrid"]
    assert hybrid["mesh"] == [2, 2]
    assert "Replicate" in hybrid["placements"][0]
    assert "Shard" in hybrid["placements"][0]
    assert hybrid["held"] == pytest.approx(PARAMETERS / 2, rel=0.05)
    assert hybrid["exchanges"]["allreduce_"] > 0
    assert "allreduce_" not in found["full"]["exchanges"]


def test_prefetch_asks_for_blocks_ahead(found: dict[str, Any]) -> None:
    assert found["full"]["prefetch"] == {"forward": 0, "backward": 0}
    # Of three blocks the first asks for two, the second for one; backwards each for the one before it.
    assert found["prefetch"]["prefetch"] == {"forward": 3, "backward": 2}


def test_gradients_that_add_up_cost_exchanges_or_memory(found: dict[str, Any]) -> None:
    divided, whole = found["accumulate"], found["accumulate, whole"]
    assert divided["passes"] == whole["passes"] == 2
    # Four groups of parameters: each exchanged after every micro-batch, or after the last.
    assert divided["exchanges"]["_reduce_scatter_base_"] == 8
    assert whole["exchanges"]["_reduce_scatter_base_"] == 4
    assert divided["between"] == [0, 4 * divided["held"]], "before the second micro-batch: this rank's part, float32"
    assert whole["between"] == [0, 4 * PARAMETERS]


def test_copies_are_averaged_once_a_step(found: dict[str, Any]) -> None:
    hybrid, accumulating = found["hybrid"], found["accumulate, hybrid"]
    assert accumulating["exchanges"]["allreduce_"] == hybrid["exchanges"]["allreduce_"]
    assert accumulating["exchanges"]["_reduce_scatter_base_"] == 2 * hybrid["exchanges"]["_reduce_scatter_base_"]
    assert accumulating["between"] == [0, 4 * accumulating["held"]]
    assert found["ddp, accumulate"]["exchanges"]["allreduce_"] == found["ddp"]["exchanges"]["allreduce_"]


def test_small_buckets_are_more_exchanges(found: dict[str, Any]) -> None:
    small, one = (found[name]["exchanges"]["allreduce_"] for name in ("ddp, small buckets", "ddp, one bucket"))
    assert small > one


def test_recomputation_keeps_less_for_backward(found: dict[str, Any]) -> None:
    full, selective, none = (found[name] for name in ("full recomputation", "selective recomputation", "full"))
    assert full["kept"] < 0.5 * none["kept"]
    assert selective["kept"] < 0.5 * none["kept"]
    # Six products a block are needed again; selective keeps them, and computes the cheap activations again.
    assert full["exchanges"]["mm"] == none["exchanges"]["mm"] + 3 * 6
    assert selective["exchanges"]["mm"] == none["exchanges"]["mm"]
    assert selective["exchanges"]["silu"] == full["exchanges"]["silu"] == 2 * none["exchanges"]["silu"]


def test_float16_scales_its_losses(found: dict[str, Any]) -> None:
    assert found["float16"]["scale"] == 65536.0
    assert all(found["float16"]["updated"])
    assert found["float16"]["norms"] == pytest.approx(found["ddp"]["norms"], rel=0.1), "clipped after unscaling"
    assert found["full"]["scale"] is None


def test_float8_replaces_linear_layers_of_blocks(found: dict[str, Any]) -> None:
    assert "Float8Linear" in found["float8"]["linear"]
    assert "Float8Linear" not in found["full"]["linear"]


def test_offloading_keeps_what_is_updated_on_the_host(found: dict[str, Any]) -> None:
    # Here the device is the host, so the policy of each group is all that can be seen.
    assert found["offload"]["offloaded"] == ["CPUOffloadPolicy"]
    assert found["full"]["offloaded"] == ["OffloadPolicy"]


def test_losses_are_numbers(found: dict[str, Any]) -> None:
    assert all(math.isfinite(loss) for run in found.values() for loss in run["losses"])
