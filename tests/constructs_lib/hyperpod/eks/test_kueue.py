"""One queue of a cluster without quotas: what it counts, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.hyperpod import FirstAvailable, InstanceGroup, KubernetesNode, OnDemand, OneType
from constructs_lib.hyperpod.eks.kueue import QueuePriority, SharedQueue
from constructs_lib.hyperpod.eks.queues import Queued
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

HOME = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/trainyard-lab-eks"


def group(name: str, instance_type: str, count: int) -> InstanceGroup:
    return InstanceGroup(name=name, duty=KubernetesNode(), hosts=OneType(instance_type=instance_type), count=count,
                         capacity=OnDemand())  # fmt: skip


GROUPS = (group("a", "ml.p5.48xlarge", 3), group("b", "ml.p5.48xlarge", 1), group("cpu", "ml.m5.4xlarge", 2))


def queue(**fields: Any) -> SharedQueue:
    ranks = (QueuePriority(name="paper", weight=100), QueuePriority(name="trial", weight=10))
    given: dict[str, Any] = {"namespaces": ("research", "vision"), "preempts": True, "priorities": ranks}
    return SharedQueue(**{**given, **fields})


def of(kind: str, **fields: Any) -> list[dict[str, Any]]:
    return [found for found in queue(**fields).manifests(GROUPS) if found["kind"] == kind]


def test_all_nodes_of_a_type_are_its_quota() -> None:
    (made,) = of("ClusterQueue")
    (resources,) = made["spec"]["resourceGroups"]
    assert resources["coveredResources"] == ["memory", "nvidia.com/gpu"]
    quotas = {flavor["name"]: {one["name"]: one["nominalQuota"] for one in flavor["resources"]}
              for flavor in resources["flavors"]}  # fmt: skip
    assert quotas == {
        "ml-p5-48xlarge": {"memory": "8192Gi", "nvidia.com/gpu": 32},
        "ml-m5-4xlarge": {"memory": "128Gi", "nvidia.com/gpu": 0},
    }
    labels = {found["metadata"]["name"]: found["spec"]["nodeLabels"] for found in of("ResourceFlavor")}
    assert labels["ml-p5-48xlarge"] == {"node.kubernetes.io/instance-type": "ml.p5.48xlarge"}


def test_a_job_names_what_is_there() -> None:
    places = {found["metadata"]["namespace"]: found["metadata"]["name"] for found in of("LocalQueue")}
    ranks = {found["metadata"]["name"]: found["value"] for found in of("WorkloadPriorityClass")}
    labels = Queued(name="vision", priority="paper").labels()
    assert labels["kueue.x-k8s.io/queue-name"] == places["vision"]
    assert ranks[labels["kueue.x-k8s.io/priority-class"]] == 100
    assert "kueue.x-k8s.io/priority-class" not in Queued(name="vision").labels()


@pytest.mark.parametrize(("preempts", "within"), [(True, "LowerPriority"), (False, "Never")])
def test_nodes_are_taken_from_lower_ranks_only_where_it_is_wanted(preempts: bool, within: str) -> None:
    (made,) = of("ClusterQueue", preempts=preempts)
    assert made["spec"]["preemption"]["withinClusterQueue"] == within


def test_only_the_queue_s_namespaces_are_let_in() -> None:
    (made,) = of("ClusterQueue")
    (term,) = made["spec"]["namespaceSelector"]["matchExpressions"]
    assert term["values"] == ["research", "vision"] == [found["metadata"]["name"] for found in of("Namespace")]


def test_the_training_operator_s_jobs_are_told_to_kueue_and_others_left_alone() -> None:
    told = json.loads(queue().values()["managerConfig"]["controllerManagerConfigYaml"])
    # The kind of our manifests.
    assert "HyperPodPyTorchJob.v1.sagemaker.amazonaws.com" in told["integrations"]["externalFrameworks"]
    assert told["manageJobsWithoutQueueName"] is False
    # Adapters and huge pages have no quota; without this no job that asks for them would start.
    assert told["resources"] == {"quotaCheckStrategy": "IgnoreUndeclared"}


def test_it_is_installed_from_the_account_and_with_a_pod_behind_its_webhook() -> None:
    copies, install = queue().mirror_commands(HOME), queue().install_command(HOME)
    assert copies[-1] == f"crane copy registry.k8s.io/kueue/kueue:v0.19.2 {HOME}/kueue-controller:v0.19.2"
    assert "registry.k8s.io" not in install + queue().text()
    assert f"repository={HOME}/kueue-controller --wait" in install


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"namespaces": ("a", "a")}, "each is named once"),
        ({"priorities": (QueuePriority(name="a", weight=1), QueuePriority(name="a", weight=2))}, "each is named once"),
        ({"priorities": ()}, "nothing to take"),
        ({"priorities": (QueuePriority(name="a", weight=1), QueuePriority(name="b", weight=1))}, "nothing to take"),
        ({"namespaces": ()}, "at least 1"),
    ],
)
def test_a_queue_that_means_nothing_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        queue(**fields)


def test_nodes_that_nobody_can_count_have_no_queue() -> None:
    either = InstanceGroup(name="any", duty=KubernetesNode(), count=2, capacity=OnDemand(),
                           hosts=FirstAvailable(instance_types=("ml.p5.48xlarge", "ml.p5e.48xlarge")))  # fmt: skip
    with pytest.raises(ContractError, match="how many of which type"):
        queue().manifests((either,))
