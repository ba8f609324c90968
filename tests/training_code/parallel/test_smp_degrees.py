"""The degrees of SageMaker's library, against a stub that divides transformers' classes: it ran nowhere else."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_targets import forked
from training_harness import container, tiny_run
from training_ranks import spawn

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout, World
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.training.surroundings import Loading
from ml_contract.workloads import Llama
from training_code.checkpoint import CheckpointError
from training_code.checkpoint.weights import open_model
from training_code.parallel.smp_library import configuration
from training_code.parallel.smp_transformed import Numbers

STEPS, NEVER = 4, 99
DENSE = Llama(vocabulary=256, hidden=32, intermediate=64, layers=2, heads=4, kv_heads=2, sequence_length=32)
MIXTURE = dataclasses.replace(DENSE, experts=4, router_loss=0.0)
TENSOR, EXPERT = SageMakerModelParallel(tensor=2), SageMakerModelParallel(expert=2)
BOTH = SageMakerModelParallel(tensor=2, context=2, activation_offloading=True)


def run(**changes: Any) -> TrainingRun:
    return tiny_run(**{"steps": STEPS, "loading": Loading(workers=0), "workload": DENSE, **changes})


@pytest.mark.parametrize(
    ("strategy", "share"),
    [(SageMakerModelParallel(), 0), (SageMakerModelParallel(hybrid_shard_degree=2), 2),
     (SageMakerModelParallel(context=2), 8), (SageMakerModelParallel(tensor=2), 4),
     (SageMakerModelParallel(expert=4), 2), (SageMakerModelParallel(expert=2, hybrid_shard_degree=2), 2)],
)  # fmt: skip
def test_ranks_that_divide_more_than_parameters_are_told_how_many_share(
    strategy: SageMakerModelParallel, share: int
) -> None:
    layout = strategy.layout(World(hosts=1, ranks_per_host=8))
    assert configuration(strategy, layout, 0)["hybrid_shard_degree"] == share


def test_a_library_that_numbers_ranks_otherwise_is_refused() -> None:
    layout = Layout(shard=2, context=2, tensor=2)
    found = Numbers.checked(SimpleNamespace(tp_rank=1, cp_rank=0, ep_rank=None), 5, layout)
    assert found == Numbers(tensor=1, context=0, expert=0)
    with pytest.raises(ContractError, match=r"^rank: got 5, but the library numbers it \(1, 1\) .* wants \(1, 0\)"):
        Numbers.checked(SimpleNamespace(tp_rank=1, cp_rank=1), 5, layout)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> dict[str, Any]:
    """What the first of four ranks found; the others had the same losses."""
    folder = tmp_path_factory.mktemp("degrees")
    kept = {"checkpoint_uri": f"file://{folder}/kept"}
    runs = [
        ("dense", run(strategy=Ddp()), NEVER),
        ("mixture", run(strategy=Ddp(), workload=MIXTURE), NEVER),
        ("tensor", run(strategy=TENSOR, **kept), 2),
        ("both", run(strategy=BOTH, activation_checkpointing="full", micro_batch_size=2, **kept), NEVER),
        ("fsdp", run(strategy=Fsdp(), **kept), NEVER),
        ("expert", run(strategy=EXPERT, workload=MIXTURE), NEVER),
    ]
    paths = container(folder / "ml", runs[0][1], data=shards)
    log, results = folder / "ranks.log", [folder / f"result-{rank}.json" for rank in range(4)]
    started = spawn(forked, {}, log, str(folder), str(paths.base), runs, len(results))
    started.join(240)
    assert started.exitcode == 0, log.read_text()[-3000:]
    first, *others = (json.loads(result.read_text()) for result in results)
    for other in others:
        for name, each in first.items():
            assert each["losses"] == other[name]["losses"], name
    return {**first, "kept": kept["checkpoint_uri"]}


TRAINED = pytest.mark.slow  # four ranks that train


def calls(found: dict[str, Any], name: str, kind: str) -> list[Any]:
    return [arguments for called, *arguments in found[name]["smp"] if called == kind]


@TRAINED
@pytest.mark.parametrize(("parts", "like"), [(("tensor", "both"), "dense"), (("expert",), "mixture")])
def test_each_degree_trains_as_ddp_does(found: dict[str, Any], parts: tuple[str, ...], like: str) -> None:
    for figures in ("losses", "norms"):
        seen = [figure for part in parts for figure in found[part][figures]]
        assert len(seen) == STEPS
        assert seen == pytest.approx(found[like][figures], abs=2e-5)


@TRAINED
@pytest.mark.parametrize(("name", "like"), [("both", "dense"), ("expert", "mixture")])
def test_the_artifact_has_this_projects_weights(found: dict[str, Any], name: str, like: str) -> None:
    assert found[name]["shapes"] == found[like]["shapes"]
    assert found[name]["weights"] == pytest.approx(found[like]["weights"], rel=1e-4)


@TRAINED
def test_a_divided_run_goes_on_from_its_checkpoint_with_sequences_divided_too(found: dict[str, Any]) -> None:
    assert [found[part]["code"] for part in ("tensor", "both")] == [ExitCode.INTERRUPTED, ExitCode.SUCCESS]
    assert [len(found[part]["losses"]) for part in ("tensor", "both")] == [2, 2]


@TRAINED
def test_what_divides_otherwise_is_told_what_there_is(found: dict[str, Any]) -> None:
    refused = found["fsdp"]
    assert (refused["code"], refused["losses"]) == (None, [])
    assert "'model of smp with tensor=2, expert=1'" in refused["error"]
    assert "but not ['model', 'optimizer']" in refused["error"]
    with pytest.raises(CheckpointError, match=r"'model of smp with tensor=2, expert=1'.*, but no model"):
        open_model(found["kept"]).weights()


@TRAINED
def test_the_library_is_told_its_degrees(found: dict[str, Any]) -> None:
    told = {name: calls(found, name, "init")[0][0] for name in ("tensor", "both", "expert")}
    degrees = ("hybrid_shard_degree", "tensor_parallel_degree", "context_parallel_degree", "expert_parallel_degree")
    assert {name: [each[degree] for degree in degrees] for name, each in told.items()} == {
        "tensor": [2, 2, 1, 1], "both": [2, 2, 2, 1], "expert": [2, 1, 1, 2],
    }  # fmt: skip
    assert calls(found, "both", "transform") == [["LlamaForCausalLM", None]]
    ((name, mixture),) = calls(found, "expert", "transform")
    assert name == "MixtralForCausalLM"
    assert (mixture["smp_moe"], mixture["moe_load_balancing"], mixture["moe_z_loss_coeff"]) == (True, "none", 0.0)
    assert calls(found, "expert", "clip_grad_norm_") == [[1.0]] * STEPS
