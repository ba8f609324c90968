"""ZeRO: each stage divides what it says, none changes the losses, any world or strategy takes up its checkpoints."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from training_harness import tiny_run
from training_ranks import together
from zero_targets import everything, resumed

from ml_contract.sizing.memory import memory
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import CpuOffload, Ddp, DeepSpeed, Fsdp, NvmeOffload
from ml_contract.workloads import BytesLm
from training_code.checkpoint import load_weights

pytestmark = [
    pytest.mark.slow,  # ranks that train, and the import of DeepSpeed
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="the training environment is not installed"),
]

# Odd shapes: parts of parameters end inside of rows, and the last ones are shorter.
MODEL = BytesLm(dimension=36, layers=2, heads=2, sequence_length=16)


def run(**changes: Any) -> TrainingRun:
    return tiny_run(**{"workload": MODEL, "global_batch_size": 4, **changes})


BFLOAT16, FLOAT16 = Precision(compute="bfloat16"), Precision(compute="float16")
# DeepSpeed asks the processor: those with AVX-512 FP16 or AMX-FP16 have it.
HAS_FLOAT16 = torch.ops.mkldnn._is_mkldnn_fp16_supported()
needs_float16 = pytest.mark.skipif(not HAS_FLOAT16, reason="DeepSpeed has no float16 on this processor")
PINNED, PAGED = CpuOffload(), CpuOffload(pin_memory=False)
# Parameters above DeepSpeed's 100,000 elements: smaller ones are whole in every stage.
LARGE = BytesLm(dimension=384, layers=1, heads=2, sequence_length=16)
RUNS: dict[str, TrainingRun] = {
    "ddp": run(strategy=Ddp()),
    "fsdp": run(strategy=Fsdp()),
    "zero-1": run(strategy=DeepSpeed(stage=1)),
    "zero-2": run(strategy=DeepSpeed(stage=2)),
    "zero-3": run(strategy=DeepSpeed(stage=3)),
    "ddp, large": run(strategy=Ddp(), workload=LARGE, micro_batch_size=1),
    "zero-1, large": run(strategy=DeepSpeed(stage=1, bucket_mib=1), workload=LARGE, micro_batch_size=1),
    "zero-2, large": run(strategy=DeepSpeed(stage=2, bucket_mib=1), workload=LARGE, micro_batch_size=1),
    "zero-3, large": run(strategy=DeepSpeed(stage=3, bucket_mib=1), workload=LARGE, micro_batch_size=1),
    "zero-2, large, one bucket": run(strategy=DeepSpeed(stage=2), workload=LARGE, micro_batch_size=1),
    "zero-1, offload": run(strategy=DeepSpeed(stage=1, offload_optimizer=PINNED)),
    "zero-3, offload": run(strategy=DeepSpeed(stage=3, offload_optimizer=PAGED, offload_parameters=PAGED)),
    "zero-3, full recomputation": run(strategy=DeepSpeed(stage=3), activation_checkpointing="full"),
    "zero-2, selective recomputation": run(strategy=DeepSpeed(stage=2), activation_checkpointing="selective"),
    "zero-3, bfloat16": run(strategy=DeepSpeed(stage=3), precision=BFLOAT16),
    "fsdp, bfloat16": run(strategy=Fsdp(), precision=BFLOAT16),
}  # fmt: skip
if HAS_FLOAT16:
    RUNS["zero-2, float16"] = run(strategy=DeepSpeed(stage=2), precision=FLOAT16)
# Of two ranks' parts, those of attention and feed-forward are above DeepSpeed's 1 MiB: more than there are buffers.
DEEP = BytesLm(dimension=768, layers=1, heads=2, sequence_length=16)
NVME = NvmeOffload()


def deep(strategy: DeepSpeed, **changes: Any) -> TrainingRun:
    return run(strategy=strategy, workload=DEEP, optimizer=AdamW(learning_rate=1e-3), micro_batch_size=1, **changes)


DISKS: dict[str, TrainingRun] = {
    "host": deep(DeepSpeed(stage=3, offload_optimizer=PAGED, offload_parameters=PAGED)),
    "disk": deep(DeepSpeed(stage=3, offload_optimizer=NVME, offload_parameters=NVME)),
    "parameters": deep(DeepSpeed(stage=3, offload_parameters=NVME), precision=BFLOAT16,
                       activation_checkpointing="full"),
    "state": deep(DeepSpeed(stage=3, offload_optimizer=NVME, bucket_mib=1),
                  precision=FLOAT16 if HAS_FLOAT16 else BFLOAT16),
}  # fmt: skip
NEEDS = {"parameters": "parameters", "state": "optimiser state", "gradients": "gradients"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zero")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What the first of two ranks found; the other had the same losses."""
    first, second = together(folder / "ranks", everything, str(folder), RUNS, DISKS)
    assert {name: each["losses"] for name, each in first["measured"].items()} == {
        name: each["losses"] for name, each in second["measured"].items()
    }
    first["second"], first["second's disk"] = second["measured"], second["disk"]
    return dict(first)


@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("zero") and "float16" not in name])
def test_how_it_is_divided_changes_no_loss(found: dict[str, Any], name: str) -> None:
    other = found["measured"]["ddp, large" if "large" in name else "ddp"]
    one = found["measured"][name]
    assert one["losses"] == pytest.approx(other["losses"], abs=2e-5)
    assert one["norm"] == pytest.approx(other["norm"], rel=1e-4)
    assert one["updated"]
    assert one["shapes"] == other["shapes"]
    assert one["gathered"] == pytest.approx(other["gathered"], abs=1e-2)


@pytest.mark.parametrize(("stage", "divided"), [(1, {"state"}), (2, {"state", "gradients"}),
                                                (3, {"state", "gradients", "parameters"})])  # fmt: skip
def test_each_stage_divides_one_thing_more(found: dict[str, Any], stage: int, divided: set[str]) -> None:
    whole = LARGE.size.parameters
    # Float32: parameters, those that the optimiser updates with two moments, and gradients; of two ranks.
    expected = {
        name: each * whole / (2 if name in divided else 1)
        for name, each in {"parameters": 4, "state": 12, "gradients": 4}.items()
    }
    for one in (found["measured"], found["second"]):
        rank = one[f"zero-{stage}, large"]
        # Norms are 4 elements in a thousand, a bucket is 1 MiB. Two of them are kept, and one may be on its way.
        assert rank["parameters"] == pytest.approx(expected["parameters"], rel=0.01)
        assert rank["state"] == pytest.approx(expected["state"], rel=0.01)
        # All tensors that there are, before a step and between its micro-batches, so that nothing is kept elsewhere.
        standing = expected["parameters"] + expected["state"] + (expected["gradients"] if stage == 3 else 0)
        added = 0 if stage == 3 else expected["gradients"]
        assert rank["standing"] == pytest.approx(standing, abs=2 * 2**20)
        assert rank["added"] == pytest.approx(added, abs=3 * 2**20)
    estimate = memory(RUNS[f"zero-{stage}, large"], World(hosts=1, ranks_per_host=2))
    assert {name: estimate.item(what) for name, what in NEEDS.items()} == pytest.approx(expected)


def test_what_is_offloaded_is_on_the_host(found: dict[str, Any]) -> None:
    # Here the device is the host, so where the engine says that things go is all that can be seen.
    placed = {name: found["measured"][name]["placed"] for name in ("zero-1", "zero-1, offload", "zero-3, offload")}
    assert placed == {
        "zero-1": {"optimizer": False, "parameters": False, "pinned": False},
        "zero-1, offload": {"optimizer": True, "parameters": False, "pinned": True},
        "zero-3, offload": {"optimizer": True, "parameters": True, "pinned": False},
    }


def test_a_larger_bucket_is_fewer_exchanges(found: dict[str, Any]) -> None:
    small, large = (found["measured"][f"zero-2, large{which}"]["reductions"] for which in ("", ", one bucket"))
    assert small > large > 0


@needs_float16
def test_float16_computes_there_and_keeps_float32(found: dict[str, Any]) -> None:
    assert found["measured"]["zero-2, float16"]["dtypes"] == ["torch.float16"]
    assert found["measured"]["zero-2, float16"]["losses"] == pytest.approx(found["measured"]["ddp"]["losses"], abs=2e-3)


def test_bfloat16_computes_there_and_keeps_float32(found: dict[str, Any]) -> None:
    assert found["measured"]["zero-3, bfloat16"]["dtypes"] == ["torch.bfloat16"]
    bfloat16, reference = (found["measured"][f"{name}, bfloat16"]["losses"] for name in ("zero-3", "fsdp"))
    assert bfloat16 == pytest.approx(reference, abs=2e-4)


def test_a_gradient_that_is_no_number_changes_nothing(found: dict[str, Any]) -> None:
    assert not [name for name in RUNS if found["measured"][name].get("unequal")]


def test_the_same_world_resumes_bit_for_bit(found: dict[str, Any]) -> None:
    for name in ("zero-1", "zero-3"):
        assert found["resumed"][name][name] == found["committed"][name][2:], name


@pytest.mark.parametrize("name", ["zero-1", "zero-3", "fsdp"])
def test_any_strategy_takes_it_up(found: dict[str, Any], name: str) -> None:
    for other, losses in found["resumed"][name].items():
        assert losses == pytest.approx(found["committed"][name][2:], abs=1e-6), other


def test_another_world_takes_it_up(found: dict[str, Any], folder: Path) -> None:
    (one,) = together(folder / "alone", resumed, f"file://{folder}/zero-3", {"zero-3": RUNS["zero-3"]}, size=1)
    assert one["zero-3"] == pytest.approx(found["committed"]["zero-3"][2:], abs=1e-6)


@pytest.mark.parametrize("name", ["zero-1", "zero-3"])
def test_the_weights_are_whole_in_one_process(found: dict[str, Any], folder: Path, name: str) -> None:
    weights = load_weights(f"file://{folder}/{name}")
    assert {each: list(value.shape) for each, value in weights.items()} == found["measured"]["ddp"]["shapes"]
    for each, value in weights.items():
        assert value.flatten().tolist() == found["weights"][name][each], each


@pytest.mark.parametrize(
    ("name", "near"), [("disk", 2e-6), ("parameters", 2e-2), ("state", 2e-3 if HAS_FLOAT16 else 2e-2)]
)
def test_a_disk_changes_no_loss(found: dict[str, Any], name: str, near: float) -> None:
    one = found["disk"][name]
    assert one["initial"], "in float32, whatever it computes in"
    assert one["losses"] == pytest.approx(found["disk"]["host"]["losses"], abs=near)
    assert one["options of"] == found["disk"]["host"]["options of"], "however many sub-groups there are"
    assert not one.get("unequal"), "what overflows changes nothing"
    assert one["left"] == [], "when the run has ended"


def test_what_is_on_a_disk_is_not_in_memory(found: dict[str, Any]) -> None:
    for disk in (found["disk"], found["second's disk"]):
        one, host = disk["disk"], disk["host"]
        large = 4 * sum(part for part in one["parts"] if 4 * part >= 2**20)
        whole = 4 * sum(one["parts"])
        assert one["files of float32params"] == large
        assert host["parameters"] == whole
        # Two bytes stand for each that is not there.
        assert one["parameters"] == pytest.approx(whole - large, abs=64)
        assert host["state"] == pytest.approx(3 * whole, abs=64)
        # Sub-groups of less than 1 MiB stay: the norms, and what the last matrix leaves.
        small = sum(group for group in one["groups"] if 4 * group < 2**20)
        assert 0 < 4 * small < whole / 10
        for each in (one, disk["state"]):
            assert each["state"] == pytest.approx(12 * small, abs=64)
            assert each["files of optimizer"] == 3 * whole - 12 * small
        assert disk["state"]["parameters"] == whole / 2
        assert disk["parameters"]["state"] == host["state"]


def test_what_was_on_a_disk_resumes_anywhere(found: dict[str, Any], folder: Path) -> None:
    after = found["disk"]["disk"]["losses"][2:]
    assert found["disk"]["resumed"]["disk"] == after, "bit for bit"
    assert found["disk"]["resumed"]["host"] == pytest.approx(after, abs=2e-6)
    weights = load_weights(f"file://{folder}/from-disk")
    assert {name: float(value.double().square().sum()) for name, value in weights.items()} == pytest.approx(
        found["disk"]["disk"]["weights"], rel=1e-12
    )
