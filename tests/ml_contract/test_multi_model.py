"""Names of models behind a multi-model endpoint."""

import pytest

from ml_contract.errors import ContractError
from ml_contract.multi_model import target


@pytest.mark.parametrize("model", ["bert-7", "bert-7.tar.gz"])
def test_a_model_is_an_archive_below_the_prefix(model: str) -> None:
    assert target(model) == "bert-7.tar.gz"


def test_models_may_lie_in_folders() -> None:
    assert target("team-a/bert-7") == "team-a/bert-7.tar.gz"


@pytest.mark.parametrize("model", ["", "/bert", "../bert", "a/../b", "bert 7", "a//b", "a/", ".", "b" * 1020])
def test_what_is_no_path_below_the_prefix_is_refused(model: str) -> None:
    with pytest.raises(ContractError, match=r"^model: got .* it is a path below the endpoint's prefix"):
        target(model)
