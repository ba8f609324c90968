"""Strategies of AWS's own images, against stubs: their libraries exist nowhere else, and ran nowhere else."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from aws_targets import trained
from training_harness import container, tiny_run
from training_ranks import together

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.training.aws_strategies import (
    Horovod,
    Mpi,
    SageMakerDataParallel,
    SageMakerModelParallel,
)
from ml_contract.training.layout import Layout
from ml_contract.training.optimization import Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.training.surroundings import Loading
from training_code import parallel, workloads
from training_code.parallel import ddp, smddp, smp
from training_code.parallel.ranks import Ranks

SMDDP = "smdistributed.dataparallel.torch.torch_smddp"
STEPS, NEVER = 6, 99


def test_smddp_is_registered_before_the_process_group(monkeypatch: pytest.MonkeyPatch) -> None:
    names = SMDDP.split(".")
    for end in range(1, len(names) + 1):
        monkeypatch.setitem(sys.modules, ".".join(names[:end]), types.ModuleType(".".join(names[:end])))
    assert parallel.backend(tiny_run(strategy=SageMakerDataParallel())) == "smddp"
    assert smddp.build is ddp.build, "above the backend it is DDP"


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (SageMakerDataParallel(), r"image: got .*smdistributed.*smdistributed-modelparallel:2\.4\.1.*or Ddp\(\)"),
        (Horovod(), r"image: got .*horovod.*images/mpi/Dockerfile with HOROVOD=1, or take Ddp\(\)"),
    ],
)
def test_an_image_without_the_library_is_told_which_one_has_it(strategy: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        parallel.backend(tiny_run(strategy=strategy))


def test_an_image_without_smp_is_told_which_one_has_it() -> None:
    first = Ranks(rank=0, local_rank=0, world_size=2, local_world_size=2, device=torch.device("cpu"))
    run = tiny_run(strategy=SageMakerModelParallel())
    with pytest.raises(ContractError, match=r"image: got .*torch.sagemaker.*modelparallel:2\.5\.1.*or Fsdp\(\)"):
        smp.build(run, workloads.load(run.workload), first, Layout(shard=2))


@pytest.mark.parametrize("strategy", [Ddp(), Mpi(), SageMakerModelParallel()])
def test_other_strategies_take_the_ordinary_backend(strategy: Any) -> None:
    assert parallel.backend(tiny_run(strategy=strategy)) is None


def run(**changes: Any) -> TrainingRun:
    return tiny_run(steps=STEPS, loading=Loading(workers=0), **changes)


SMP, OFFLOADING = (
    SageMakerModelParallel(),
    SageMakerModelParallel(hybrid_shard_degree=2, activation_offloading=True, activation_loading_horizon=3),
)
FLOAT16 = Precision(compute="float16")
CHAINS: dict[str, list[tuple[Any, int]]] = {
    "horovod": [(Horovod(), 2), (Horovod(), 2), (Ddp(), NEVER)], "smp": [(SMP, 2), (SMP, 2), (Fsdp(), NEVER)],
}  # fmt: skip
"""Runs that go on where the one before was interrupted, after so many steps."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> dict[str, Any]:
    """What the first of two ranks found; the other had the same losses."""
    folder = tmp_path_factory.mktemp("aws")
    runs = [
        ("ddp", run(strategy=Ddp()), NEVER),
        ("horovod, accumulate", run(strategy=Horovod(), micro_batch_size=1), NEVER),
        ("smp, accumulate", run(strategy=SMP, micro_batch_size=1), NEVER),
        ("smp, offload", run(strategy=OFFLOADING, activation_checkpointing="full"), NEVER),
        ("smp, float16", run(strategy=SMP, precision=FLOAT16), NEVER),
        *((f"{name}, {part}", run(strategy=strategy, checkpoint_uri=f"file://{folder}/{name}"), steps)
          for name, parts in CHAINS.items() for part, (strategy, steps) in enumerate(parts)),
    ]  # fmt: skip
    paths = container(folder / "ml", runs[0][1], data=shards)
    first, second = together(folder / "ranks", trained, str(paths.base), runs)
    for name, each in first.items():
        assert each["losses"] == second[name]["losses"], name
        assert each["horovod"] == second[name]["horovod"], name
    return dict(first)


TRAINED = pytest.mark.slow  # ranks that train


@TRAINED
@pytest.mark.parametrize("name", ["horovod, accumulate", "smp, accumulate", "smp, offload"])
def test_each_trains_as_ddp_does(found: dict[str, Any], name: str) -> None:
    assert found[name]["losses"] == pytest.approx(found["ddp"]["losses"], abs=1e-5)
    assert len(found[name]["losses"]) == STEPS
    assert found[name]["shapes"] == found["ddp"]["shapes"], "the artifact has all of the model"


@TRAINED
def test_smp_computes_in_float16_and_scales(found: dict[str, Any]) -> None:
    assert found["smp, float16"]["losses"] == pytest.approx(found["ddp"]["losses"], abs=2e-3)
    assert found["smp, float16"]["losses"] != found["ddp"]["losses"]


@TRAINED
@pytest.mark.parametrize("name", CHAINS)
def test_its_checkpoints_are_those_of_every_strategy(found: dict[str, Any], name: str) -> None:
    parts = [found[f"{name}, {part}"] for part in range(len(CHAINS[name]))]
    assert [part["code"] for part in parts] == [ExitCode.INTERRUPTED, ExitCode.INTERRUPTED, ExitCode.SUCCESS]
    assert [len(part["losses"]) for part in parts] == [2, 2, 2]
    losses = [loss for part in parts for loss in part["losses"]]
    assert losses == pytest.approx(found["ddp"]["losses"], abs=1e-5)


@TRAINED
def test_horovod_starts_before_the_group_and_exchanges_each_gradient_once_a_step(found: dict[str, Any]) -> None:
    (start, broadcast, *exchanges, end) = found["horovod, accumulate"]["horovod"]
    names = [*found["ddp"]["shapes"]]
    assert (start[0], end[0]) == ("init", "shutdown")
    assert broadcast == ["broadcast_parameters", sorted(names)]
    assert sorted(name for _, name in exchanges) == sorted(names * STEPS)
    assert found["horovod, 0"]["horovod"][-1][0] == "shutdown", "MPI fails a rank that ends without it"


@TRAINED
def test_smp_is_told_its_options_and_clips(found: dict[str, Any]) -> None:
    (init, settings), *calls = found["smp, accumulate"]["smp"]
    assert (init, settings) == ("init", {
        "hybrid_shard_degree": 0, "sm_activation_offloading": False, "activation_loading_horizon": 2,
        "tensor_parallel_degree": 1, "context_parallel_degree": 1, "expert_parallel_degree": 1, "random_seed": 0,
    })  # fmt: skip
    assert calls == [["clip_grad_norm_", 1.0]] * STEPS
    (_, settings), *calls = found["smp, offload"]["smp"]
    assert (settings["hybrid_shard_degree"], settings["sm_activation_offloading"]) == (2, True)
    assert settings["activation_loading_horizon"] == 3
    assert calls[0] == ["FSDP", 2], "the library gives the groups"
