"""The data scientist's example before anything leaves the machine; tests/e2e/test_adhoc.py runs it."""

from pathlib import Path
from types import ModuleType

import adhoc_example
import pytest

from ml_contract.errors import ContractError
from ml_contract.hyperparameters import decode, encode
from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return adhoc_example.load()


@pytest.mark.parametrize("hosts", [1, 2])
def test_each_run_fits_one_host_and_two_and_crosses_as_it_is(example: ModuleType, hosts: int) -> None:
    for kind, run in example.RUNS.items():
        assert run.workload.kind == kind
        run.bind(World.of("ml.m5.large", hosts))
        assert decode(TrainingRun, encode(run)) == run


@pytest.mark.parametrize("text", ["pretrained", "=base", "pretrained=", "train=base", "a b=base"])
def test_a_channel_without_name_or_place_is_refused(example: ModuleType, text: str) -> None:
    with pytest.raises(ContractError, match=r"--shared: got .*Write it like pretrained="):
        example.shared_channel(text)


def test_a_folder_without_shards_is_refused(example: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"--data: got .*, but no file lies below that folder"):
        example.upload(tmp_path, "s3://bucket/prefix")
