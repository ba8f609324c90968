"""resource_config.json and provisioning_parameters.json."""

from __future__ import annotations

import json

import cluster_documents
import pytest

from ml_contract.clusters.nodes import ResourceConfig
from ml_contract.clusters.provisioning import ProvisioningParameters, WorkerGroup
from ml_contract.errors import ContractError

WORKERS = (WorkerGroup(instance_group_name="workers", partition_name="dev"),)


def test_resources_come_back_as_they_were_written():
    resources = cluster_documents.resources()
    assert ResourceConfig.from_text(resources.to_text()) == resources


def test_resources_have_the_names_of_hyperpod():
    document = json.loads(cluster_documents.resources().to_text())
    assert set(document) == {"ClusterConfig", "InstanceGroups"}
    assert set(document["ClusterConfig"]) == {"ClusterArn", "ClusterName"}
    assert set(document["InstanceGroups"][0]) == {"Name", "InstanceType", "Instances"}
    assert set(document["InstanceGroups"][0]["Instances"][0]) == {
        "InstanceName", "AgentIpAddress", "CustomerIpAddress", "InstanceId",
    }  # fmt: skip


def test_what_hyperpod_adds_is_passed_over():
    document = json.loads(cluster_documents.resources().to_text())
    document["Region"] = document["InstanceGroups"][0]["Instances"][0]["Zone"] = "eu-west-1"
    assert ResourceConfig.from_text(json.dumps(document)) == cluster_documents.resources()


def test_a_group_without_nodes_is_one():
    document = json.loads(cluster_documents.resources().to_text())
    document["InstanceGroups"][2]["Instances"] = None
    assert ResourceConfig.from_text(json.dumps(document)).groups[2].instances == ()


def test_a_node_is_located_by_its_address():
    group, instance = cluster_documents.resources().locate("10.0.0.22")
    assert (group.name, instance.name) == ("workers", "workers-2")


def test_an_address_of_nobody():
    with pytest.raises(
        ContractError, match=r"CustomerIpAddress: got '10.0.9.9', but no instance .* It knows 10.0.0.10,"
    ):
        cluster_documents.resources().locate("10.0.9.9")


def test_two_nodes_of_one_address():
    text = cluster_documents.resources().to_text().replace("10.0.0.22", "10.0.0.21")
    with pytest.raises(ContractError, match="a node is found by its address"):
        ResourceConfig.from_text(text)


@pytest.mark.parametrize(
    ("remove", "field"),
    [
        (("ClusterConfig",), "ClusterConfig"),
        (("ClusterConfig", "ClusterArn"), "ClusterConfig.ClusterArn"),
        (("InstanceGroups",), "InstanceGroups"),
        (("InstanceGroups", 1, "Name"), "InstanceGroups[1].Name"),
        (("InstanceGroups", 2, "Instances", 1, "InstanceId"), "InstanceGroups[2].Instances[1].InstanceId"),
    ],
)
def test_a_name_that_is_missing_is_told_with_its_path(remove, field):
    document = json.loads(cluster_documents.resources().to_text())
    part = document
    for name in remove[:-1]:
        part = part[name]
    del part[remove[-1]]
    with pytest.raises(ContractError) as refused:
        ResourceConfig.from_text(json.dumps(document))
    assert refused.value.field == field


def test_provisioning_parameters_come_back_without_what_was_not_given():
    given = ProvisioningParameters(controller_group="controller", worker_groups=WORKERS)
    assert ProvisioningParameters.from_text(given.to_text()) == given
    assert json.loads(given.to_text()) == {
        "version": "1.0.0", "workload_manager": "slurm", "controller_group": "controller",
        "worker_groups": [{"instance_group_name": "workers", "partition_name": "dev"}],
    }  # fmt: skip


@pytest.mark.parametrize("field", ["controller_group", "login_group"])
def test_nodes_that_run_no_jobs_are_no_workers(field):
    groups = {"controller_group": "controller", "login_group": "login", field: "workers"}
    with pytest.raises(ContractError, match=rf"worker_groups: got 'workers', but it is the {field}"):
        ProvisioningParameters(worker_groups=WORKERS, **groups)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"worker_groups": ()}, "a cluster runs jobs somewhere"),
        ({"worker_groups": WORKERS * 2}, "a group is listed once"),
        ({"login_group": "controller"}, "it is the controller_group"),
        ({"fsx_dns_name": "fs-1.fsx.eu-west-1.amazonaws.com"}, "go together"),
    ],
)
def test_parameters_that_slurm_would_stumble_over(change, message):
    with pytest.raises(ContractError, match=message):
        ProvisioningParameters(**({"controller_group": "controller", "worker_groups": WORKERS} | change))


@pytest.mark.parametrize(
    ("group", "node_type"), [("controller", "controller"), ("login", "login"), ("workers", "compute")]
)
def test_what_a_group_is(group, node_type):
    given = ProvisioningParameters(controller_group="controller", login_group="login", worker_groups=WORKERS)
    assert given.node_type(group) == node_type


def test_a_group_that_is_nothing():
    given = ProvisioningParameters(controller_group="controller", worker_groups=WORKERS)
    with pytest.raises(ContractError, match="does not name it"):
        given.node_type("other")
