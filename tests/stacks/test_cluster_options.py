"""What a cluster of an environment can have beyond what the environments have: synthesised once, with all of it."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from hyperpod_values import changed
from synthesis import context, resources

from constructs_lib.hyperpod import (
    FirstAvailable,
    InstanceGroup,
    Instances,
    Karpenter,
    KubernetesNode,
    NodeClass,
    OnDemand,
    OneType,
    Rolling,
    Scheduled,
)
from constructs_lib.hyperpod.eks.scaling import ScaledPool
from constructs_lib.hyperpod.eks.volumes import ClaimedVolume
from constructs_lib.network import PODS, ClusterSubnet, Nodes
from environments import DEV
from environments.dev import EKS
from ml_contract.errors import ContractError
from stacks.clusters import FilesClaim
from stacks.clusters.growth import grown
from stacks.platform_stage import PlatformStage

G5 = OneType(instance_type="ml.g5.xlarge")
ROLLING = Scheduled(
    cron="cron(0 3 ? * SUN *)", rolling=Rolling(batch=Instances(count=1), wait_seconds=600, alarms=("serving",))
)
SCALED = InstanceGroup(name="scaled", duty=KubernetesNode(), hosts=G5, count=0, capacity=OnDemand(), zone="us-east-1a")
CLAIM = FilesClaim(name="data", namespace="default", file_system="shared", capacity_gib=1200)
POOL = ScaledPool(name="g5", node_class="g5", accelerators=8, vcpus=64, empty_s=600)
VOLUME = ClaimedVolume(name="data", mount_path="/data", claim="data")


def cluster(**fields: Any) -> Any:
    system, workers = EKS.settings.groups
    settings = changed(
        EKS.settings, groups=(system, changed(workers, patching=ROLLING), SCALED),
        autoscaling=Karpenter(node_classes=(NodeClass(name="g5", groups=("scaled",)),)),
    )  # fmt: skip
    given = {
        "settings": settings, "further_subnets": ("EksA",), "alarms": {"serving": "serving-errors"},
        "claims": (CLAIM,), "pools": (POOL,), "runs": (changed(EKS.runs[0], volumes=(VOLUME,)),),
    }  # fmt: skip
    return changed(EKS, **{**given, **fields})


def made(cidr: str) -> PlatformStage:
    """The environment's constructs, with such a subnet in the other zone."""
    other = ClusterSubnet(name="EksA", zone="us-east-1a", cidr=cidr,
                          nodes=(Nodes(instance_type="ml.g5.xlarge", count=2, pods=PODS),))  # fmt: skip
    network = changed(DEV.network, clusters=(*DEV.network.clusters, other))
    environment = changed(
        DEV, network=network, clusters=(cluster(),), trainings=(), endpoints=(), operation=None, budgets=None
    )
    return PlatformStage(cdk.App(context=context()), environment)


@pytest.fixture(scope="module")
def stage() -> PlatformStage:
    return made("10.22.0.0/22")


@pytest.mark.slow
def test_a_pool_that_outgrows_its_subnet_is_refused() -> None:
    # 8 nodes, counted twice, take 800 addresses.
    with pytest.raises(ContractError, match=r"clusters\.eks\.pools: got 8, but 8 nodes, .* the subnet EksA has 507"):
        made("10.22.0.0/23")


@pytest.fixture(scope="module")
def template(stage: PlatformStage) -> dict[str, Any]:
    # The stage's own synthesis: references between stacks become outputs only there.
    return stage.synth().get_stack_by_name("trainyard-dev-cluster-eks").template


@pytest.fixture(scope="module")
def groups(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    ((_, found),) = resources(template, "AWS::SageMaker::Cluster").items()
    return {group["InstanceGroupName"]: group for group in found["Properties"]["InstanceGroups"]}


@pytest.mark.slow
def test_a_group_of_another_zone_is_in_a_subnet_of_it(groups: dict[str, dict[str, Any]]) -> None:
    assert "EksA" in json.dumps(groups["scaled"]["OverrideVpcConfig"]["Subnets"])
    assert "OverrideVpcConfig" not in groups["workers"]


@pytest.mark.slow
def test_an_alarm_of_the_account_takes_an_update_back(groups: dict[str, dict[str, Any]]) -> None:
    deployment = groups["workers"]["ScheduledUpdateConfig"]["DeploymentConfig"]
    assert deployment["AutoRollbackConfiguration"] == [{"AlarmName": "serving-errors"}]


@pytest.mark.slow
def test_pools_and_claims_are_applied_with_what_the_deployment_knows(template: dict[str, Any]) -> None:
    outputs = template["Outputs"].items()
    (commands,) = (entry["Value"] for name, entry in outputs if name.startswith("ManifestsApplyCommands"))
    text = json.dumps(commands)
    for name in ("SHARED_ID", "SHARED_DNS_NAME", "SHARED_MOUNT_NAME"):
        assert f"{name}='" in text


def test_manifests_of_a_claim_name_what_is_replaced() -> None:
    volume, claim = CLAIM.manifests()
    assert volume["spec"]["csi"]["volumeAttributes"] == {
        "dnsname": "${SHARED_DNS_NAME}", "mountname": "${SHARED_MOUNT_NAME}",
    }  # fmt: skip
    assert claim["metadata"] == {"name": "data", "namespace": "default"}


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"claims": ()}, r"runs.bytes-lm.volumes.data: got 'data', but the cluster's claims in default are none"),
        ({"pools": (changed(POOL, node_class="p5"),)}, r"node_class: got 'p5', but the cluster's autoscaling has g5"),
    ],
)
def test_what_nobody_makes_is_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        cluster(**fields)


@pytest.mark.parametrize(
    ("pools", "zones"),
    [
        ((), {"us-east-1a": 0}),
        # 64 processors are 16 of these nodes, 8 accelerators 8.
        ((POOL,), {"us-east-1a": 8}),
        ((POOL, changed(POOL, name="other", accelerators=2)), {"us-east-1a": 10}),
    ],
)
def test_a_pool_at_its_limits_is_held_against_the_subnets(pools: Any, zones: dict[str, int]) -> None:
    found = grown(cluster(pools=pools).settings, pools)
    counts = {found.zone_of(group): group.count for group in found.groups if group.name == "scaled"}
    assert counts == zones
    assert [group.count for group in found.groups if group.name != "scaled"] == [1, 2]


def test_a_pool_stays_within_what_a_group_can_have() -> None:
    assert changed(POOL, vcpus=10**6, accelerators=10**6).most(G5.entries[0]) == 6758


def test_of_several_types_those_count_that_take_most_addresses() -> None:
    mixed = changed(SCALED, hosts=FirstAvailable(instance_types=("ml.g5.xlarge", "ml.g5.48xlarge")))
    settings = changed(cluster().settings, groups=(*EKS.settings.groups, mixed))
    # 8 nodes of one address and 49 pods each, or one of 8 accelerators.
    (group,) = (one for one in grown(settings, (changed(POOL, vcpus=192),)).groups if one.name == "scaled")
    assert (group.hosts.types, group.count) == (("ml.g5.xlarge",), 8)


@pytest.mark.parametrize(
    ("alarms", "match"),
    [
        ({}, r"clusters.eks.alarms: got \[\], but a group watches serving. Write alarms={\"serving\": …}"),
        ({"serving": "a", "night": "b"}, r"clusters.eks.alarms: got 'night', but its groups watch serving"),
    ],
)
def test_an_alarm_is_given_and_watched(alarms: dict[str, str], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        changed(DEV, clusters=(cluster(alarms=alarms),))


def test_a_claim_is_on_a_file_system_of_the_environment() -> None:
    other = changed(CLAIM, file_system="archive")
    with pytest.raises(ValueError, match=r"claims.data: got 'archive', but .* has the file systems shared"):
        changed(DEV, clusters=(cluster(claims=(other,)),))
