"""The platform's files are read strictly, and everything that can be wrong is said before anything starts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training_harness import container, tiny_run

from ml_contract.errors import ContractError
from ml_contract.paths import ContainerPaths
from ml_contract.training.aws_strategies import Horovod, Mpi, SageMakerModelParallel
from ml_contract.workloads.arr_coc import ARR_COC_TINY
from ml_contract.workloads.base import WorkloadOptions
from ml_contract.workloads.llama import LLAMA_TINY
from training_code.launcher import job
from training_code.launcher.job import ImageLacksModule, Job, check_modules, required_modules

HOSTS = ("algo-1", "algo-2")


@pytest.fixture
def paths(tmp_path: Path) -> ContainerPaths:
    return container(tmp_path, tiny_run(), hosts=HOSTS, rank=1)


def test_a_job_is_what_the_files_say(paths: ContainerPaths) -> None:
    found = Job.read(paths)
    assert (found.resources.rank, found.resources.leader) == (1, "algo-1")
    assert found.instance.name == "ml.m5.large"
    assert found.run == tiny_run()


def edited(name: str, **changes: object) -> Callable[[ContainerPaths], None]:
    def edit(paths: ContainerPaths) -> None:
        path = getattr(paths, name)
        content = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))

    return edit


def replaced(name: str, text: str | None) -> Callable[[ContainerPaths], None]:
    def replace(paths: ContainerPaths) -> None:
        path = getattr(paths, name)
        path.unlink() if text is None else path.write_text(text)

    return replace


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edited("hyperparameters", learning_rat="0.1"), r"learning_rat: got 0.1, but TrainingRun has no such field"),
        (edited("hyperparameters", optimizer='{"kind": "adamw", "learning_rate": "fast"}'),
         r"optimizer.learning_rate: got 'fast', but it must be of type float"),
        (edited("hyperparameters", strategy='{"kind": "fsdp", "sharded": "full"}'),
         r"strategy.sharded: got 'full', but Fsdp has no such field"),
        (edited("hyperparameters", strategy='{"kind": "zero"}'), r"strategy.kind: got 'zero', but it must be one of"),
        (edited("hyperparameters", steps="1.5"), r"steps: got '1.5', but it must be of type int"),
        (edited("hyperparameters", global_batch_size="0"), r"global_batch_size: got 0, but it must be at least 1"),
        (edited("hyperparameters", global_batch_size="5"), r"global_batch_size: got 5, but it must be a multiple of"),
        (edited("hyperparameters", micro_batch_size="3"), r"micro_batch_size: got 3, but it must divide"),
        (edited("hyperparameters", workload='{"kind": "bytes_lm", "heads": 5}'), r"workload.dimension: got 96"),
        (replaced("hyperparameters", None), r"hyperparameters.json: got \"FileNotFoundError"),
        (replaced("hyperparameters", "{"), r"hyperparameters.json: got 'JSONDecodeError"),
        (replaced("hyperparameters", "[]"), r"hyperparameters.json: got 'list', but it must hold a JSON object"),
        (replaced("resource_config", "{}"), r"resourceconfig.json: got \"KeyError"),
        (edited("resource_config", current_host="algo-3"), r"current_host: got 'algo-3'"),
        (edited("resource_config", network_interface_name=None), r"network_interface_name"),
        (edited("resource_config", current_instance_type="ml.p4d.24xlargge"), r"Did you mean ml.p4d.24xlarge"),
        (replaced("input_data_config", '{"training": {}}'), r"input channels: got \['training'\].*'train'"),
        (lambda paths: paths.channel("train").rmdir(), r"channel train: got .*the folder does not exist"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_error_that_names_it(
    paths: ContainerPaths, damage: Callable[[ContainerPaths], None], message: str
) -> None:
    damage(paths)
    with pytest.raises(ContractError, match=message) as caught:
        Job.read(paths)
    assert "\n" not in str(caught.value)


def test_a_missing_module_is_named_without_importing_any(
    paths: ContainerPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "required_modules", lambda run: ("json", "no_such_module"))
    with pytest.raises(ImageLacksModule, match=r"image: got \['no_such_module'\]"):
        Job.read(paths)


@pytest.mark.parametrize(
    ("module", "image"),
    [("torch.sagemaker", "smdistributed-modelparallel:2.5.1"),
     ("smdistributed.dataparallel", "smdistributed-modelparallel:2.4.1"), ("horovod.torch", "")],
)  # fmt: skip
def test_a_part_of_a_package_is_looked_up_where_the_package_lacks_it_or_is_none(module: str, image: str) -> None:
    with pytest.raises(ImageLacksModule, match=rf"image: got \['{module}'\].*{image}"):
        check_modules([module])


def test_a_part_of_a_package_is_found_without_importing_the_package(tmp_path: Path) -> None:
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud/__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "loud/part.py").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        check_modules(["loud.part"])
        with pytest.raises(ImageLacksModule):
            check_modules(["loud.other"])


@pytest.mark.parametrize(
    ("strategy", "named"),
    [(Mpi(), "images/mpi/Dockerfile"), (Horovod(), "images/mpi/Dockerfile"),
     (SageMakerModelParallel(), "smdistributed-modelparallel:2.5.1")],
)  # fmt: skip
def test_an_image_that_cannot_run_the_strategy_is_told_which_one_can(tmp_path: Path, strategy: Any, named: str) -> None:
    paths = container(tmp_path, tiny_run(strategy=strategy), hosts=HOSTS)
    with pytest.raises(ImageLacksModule, match=f"image: got .*{named}"):
        Job.read(paths)


def test_checkpoints_in_s3_need_their_own_modules() -> None:
    assert not {"awscrt", "boto3"} & set(required_modules(tiny_run(checkpoint_uri="file:///checkpoints")))
    assert {"awscrt", "boto3"} <= set(required_modules(tiny_run(checkpoint_uri="s3://bucket/run")))


def test_the_image_of_the_tests_has_every_module() -> None:
    check_modules(required_modules(tiny_run(checkpoint_uri="s3://bucket/run")))


@pytest.mark.parametrize("workload", [LLAMA_TINY, ARR_COC_TINY], ids=lambda options: options.kind)
def test_a_graph_wants_its_exporter(workload: WorkloadOptions) -> None:
    plain, with_graph = (tiny_run(workload=options) for options in (workload, replace(workload, graph=True)))
    assert set(required_modules(with_graph)) - set(required_modules(plain)) == {"onnx", "onnxruntime", "onnxscript"}
