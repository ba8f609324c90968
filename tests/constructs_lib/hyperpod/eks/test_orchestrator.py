"""What Eks refuses of a cluster, without a synthesis: the control plane is a stand-in that knows its version."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from constructs_lib.hyperpod import (
    ClusterSettings,
    FirstAvailable,
    InstanceGroup,
    KubernetesNode,
    OnDemand,
    OneType,
)
from constructs_lib.hyperpod.eks import addons
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.teams import team_role
from constructs_lib.hyperpod.hosts import Hosts
from constructs_lib.hyperpod.orchestrators.eks import Eks
from constructs_lib.network import Place
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

ZONE = "eu-west-1a"
PLANE: Any = object.__new__(ControlPlane)
PLANE.settings = SimpleNamespace(version="1.34")
BASE = (addons.KubeProxy(), addons.PodIdentityAgent(), addons.CoreDns())


def eks(*, pods: int = 49, prefixes: bool = False, **fields: Any) -> Eks:
    cni = addons.VpcCni(pods_per_node=pods, prefixes=prefixes)
    return Eks(**{"control_plane": PLANE, "addons": (cni, *BASE), **fields})


def cluster(*, duty: KubernetesNode | None = None, count: int = 16, **fields: Any) -> ClusterSettings:
    group = InstanceGroup(name="workers", duty=duty or KubernetesNode(), hosts=OneType(instance_type="ml.p5.48xlarge"),
                          count=count, capacity=OnDemand())  # fmt: skip
    given: dict[str, Any] = {"name": "c", "groups": (group,), "provisioning": "Continuous", "recovery": "Automatic"}
    return ClusterSettings(**{**given, "zone": ZONE, **fields})


def network(room: int) -> Any:
    place = Place(name="Eks", zone=ZONE, subnet=SimpleNamespace(), room=room, spare=0)
    return SimpleNamespace(places=lambda zone: (place,) if zone == ZONE else ())


def test_sixteen_nodes_of_p5_are_taken() -> None:
    eks().check(cluster())


@pytest.mark.parametrize("label", ["sagemaker.amazonaws.com/a", "node.kubernetes.io/a", "topology.k8s.io/zone"])
def test_labels_that_others_keep_are_refused(label: str) -> None:
    with pytest.raises(ContractError, match="keep these themselves"):
        eks().check(cluster(duty=KubernetesNode(labels={label: "b"})))


DIVIDED = KubernetesNode(labels={"nvidia.com/mig.config": "all-1g.10gb"})


def test_accelerators_of_h100_nodes_are_divided() -> None:
    eks().check(cluster(duty=DIVIDED))


@pytest.mark.parametrize(
    ("hosts", "match"),
    [
        (OneType(instance_type="ml.g5.xlarge"), "accelerators of ml.g5.xlarge cannot be divided"),
        (FirstAvailable(instance_types=("ml.p5.48xlarge", "ml.p5e.48xlarge")), "are of one type"),
    ],
)
def test_accelerators_that_nobody_can_divide_are_refused(hosts: Hosts, match: str) -> None:
    group = InstanceGroup(name="workers", duty=DIVIDED, hosts=hosts, count=1, capacity=OnDemand())
    with pytest.raises(ContractError, match=match):
        eks().check(cluster(groups=(group,)))


def test_nodes_ahead_of_their_control_plane_are_refused() -> None:
    with pytest.raises(InvalidValue, match="never ahead"):
        eks(nodes_version="1.35")


def test_pods_by_prefix_are_held_against_the_subnet() -> None:
    # 16 nodes, counted twice: 32 cards and 112 addresses of pods each.
    orchestrator = eks(pods=96, prefixes=True)
    orchestrator.admit(cluster(), network(room=2 * 16 * (32 + 112)))
    with pytest.raises(ContractError, match="pods_per_node"):
        orchestrator.admit(cluster(), network(room=2 * 16 * (32 + 112) - 1))


def test_a_team_submits_hyperpod_s_own_kind_and_reads_no_secret() -> None:
    role, binding = team_role("hyperpod-ns-vision")
    resources = [name for rule in role["rules"] for name in rule["resources"]]
    assert "hyperpodpytorchjobs" in resources
    assert "secrets" not in resources
    assert binding["subjects"][0]["name"] == "trainyard:hyperpod-ns-vision"
