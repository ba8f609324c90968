import json
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from ml_contract.paths import ContainerPaths
from ml_contract.resources import ResourceConfig


def write(paths: ContainerPaths, document: object) -> None:
    paths.config.mkdir(parents=True)
    paths.resource_config.write_text(document if isinstance(document, str) else json.dumps(document))


def test_the_tree_is_rooted_where_the_toolkit_variable_says() -> None:
    assert ContainerPaths.from_environment({}).model == Path("/opt/ml/model")
    assert ContainerPaths.from_environment({"SAGEMAKER_BASE_DIR": "/x"}).failure == Path("/x/output/failure")


def test_every_host_sees_the_same_order(tmp_path: Path) -> None:
    paths = ContainerPaths(base=tmp_path)
    write(paths, {"current_host": "algo-1", "hosts": ["algo-2", "algo-1"], "current_instance_type": "ml.c5.xlarge",
                  "network_interface_name": "eth0"})  # fmt: skip
    config = ResourceConfig.read(paths)
    assert (config.hosts, config.rank, config.is_leader, config.leader) == (("algo-1", "algo-2"), 0, True, "algo-1")


def test_the_type_comes_from_the_group_where_the_host_has_none(tmp_path: Path) -> None:
    paths = ContainerPaths(base=tmp_path)
    write(paths, {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0",
                  "instance_groups": [{"instance_type": "ml.g5.xlarge", "hosts": ["algo-1"]}]})  # fmt: skip
    assert ResourceConfig.read(paths).instance_type == "ml.g5.xlarge"


@pytest.mark.parametrize("document", ["", "{", {}, {"hosts": 3}, {"current_host": "a", "hosts": ["b"],
                         "current_instance_type": "x", "network_interface_name": "eth0"}])  # fmt: skip
def test_a_broken_file_is_one_error(tmp_path: Path, document: object) -> None:
    paths = ContainerPaths(base=tmp_path)
    write(paths, document)
    with pytest.raises(ContractError):
        ResourceConfig.read(paths)


def test_a_missing_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"resourceconfig\.json"):
        ResourceConfig.read(ContainerPaths(base=tmp_path))
