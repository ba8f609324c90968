"""Strategies of AWS's own images, against stubs: their libraries exist nowhere else."""

import sys
import types

import pytest
from training_harness import tiny_run

from ml_contract.errors import ContractError
from ml_contract.training.aws_strategies import SageMakerDataParallel, TrainingCompiler
from ml_contract.training.strategies import Ddp
from training_code import parallel
from training_code.parallel import ddp, smddp

MODULE = "smdistributed.dataparallel.torch.torch_smddp"


def test_smddp_is_registered_before_the_process_group(monkeypatch: pytest.MonkeyPatch) -> None:
    names = MODULE.split(".")
    for end in range(1, len(names) + 1):
        monkeypatch.setitem(sys.modules, ".".join(names[:end]), types.ModuleType(".".join(names[:end])))
    assert parallel.backend(tiny_run(strategy=SageMakerDataParallel())) == "smddp"
    assert smddp.build is ddp.build, "above the backend it is DDP"


def test_an_image_without_smddp_is_told_which_one_has_it() -> None:
    with pytest.raises(ContractError, match=r"image: got .*smdistributed.*smdistributed-modelparallel:2\.4\.1"):
        parallel.backend(tiny_run(strategy=SageMakerDataParallel()))


def test_other_strategies_take_the_ordinary_backend() -> None:
    assert parallel.backend(tiny_run(strategy=Ddp())) is None


def test_the_training_compiler_is_refused_with_the_way_out() -> None:
    with pytest.raises(ContractError, match=r"Training Compiler has ended.*compile_blocks=True"):
        TrainingCompiler()
