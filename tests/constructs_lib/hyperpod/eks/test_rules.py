"""What HyperPod, EKS and Karpenter would refuse is refused by name, without a synthesis."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.hyperpod import ClusterSettings, InstanceGroup, Karpenter, KubernetesNode, OnDemand, OneType
from constructs_lib.hyperpod.autoscaling import NodeClass
from constructs_lib.hyperpod.eks import addons, versions
from constructs_lib.hyperpod.eks.access import Administrator, Scientist
from constructs_lib.hyperpod.eks.charts import SWITCHES, Charts
from constructs_lib.hyperpod.eks.control_plane import ControlPlaneSettings, PrivateEndpoint, RestrictedEndpoint
from constructs_lib.hyperpod.eks.queues import TeamQueue
from constructs_lib.hyperpod.eks.scaling import ScaledPool
from constructs_lib.hyperpod.eks.volumes import HostFolder, LustreClaim, S3Claim
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

ADMIN = "arn:aws:iam::123456789012:role/platform"
NOWHERE: Any = SimpleNamespace()
BASE = (addons.VpcCni(pods_per_node=49), addons.KubeProxy(), addons.PodIdentityAgent(), addons.CoreDns())
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def plane(**fields: Any) -> ControlPlaneSettings:
    given: dict[str, Any] = {
        "name": "research", "version": "1.34", "support": "STANDARD", "endpoint": PrivateEndpoint(), "log_days": 30,
        "access": (Administrator(principal=ADMIN),),
    }  # fmt: skip
    return ControlPlaneSettings(**{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": "1.27"}, "the builds of 2026-11-22 are for 1.33, 1.34, 1.35"),
        ({"version": "1.33"}, 'standard support of 1.33 ended on 2026-07-29. Take version="1.35"'),
        ({"access": (Scientist(principal=ADMIN, namespaces=("a",)),)}, "nobody could install the charts"),
        ({"access": (Administrator(principal=ADMIN), Administrator(principal=ADMIN))}, "one entry"),
        ({"name": "-a"}, "it must match"),
    ],
)
def test_a_control_plane_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        plane(**fields)


@pytest.mark.parametrize("block", ["0.0.0.0/0", "10.0.0.0", "12.0.0.0/4"])
def test_an_open_endpoint_is_no_restriction(block: str) -> None:
    with pytest.raises(InvalidValue, match="restriction"):
        RestrictedEndpoint(cidrs=(block,))


@pytest.mark.parametrize(
    "arn", ["arn:aws:sts::123456789012:assumed-role/a/b", "arn:aws:iam::123456789012:role/*", "me"]
)
def test_an_entry_is_for_one_principal(arn: str) -> None:
    with pytest.raises(InvalidValue, match="one IAM role or user"):
        Administrator(principal=arn)


def test_scientists_stay_out_of_what_runs_the_cluster() -> None:
    with pytest.raises(InvalidValue, match="runs the cluster"):
        Scientist(principal=ADMIN, namespaces=("kube-system",))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (BASE[:3], "no node works without coredns"),
        ((*BASE, addons.KubeProxy()), "given once"),
        ((*BASE, addons.TrainingOperator()), "stands on cert-manager"),
        (
            (
                *BASE,
                addons.CertManager(),
                addons.TrainingOperator(),
                addons.TaskGovernance(version="v1.2.0-eksbuild.1"),
            ),
            "need v1.3.0-eksbuild.1 or later",
        ),
    ],
)
def test_addons_that_cannot_stand_together(given: tuple[addons.AddOn, ...], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        addons.check(given)


def test_addons_that_can() -> None:
    addons.check((*BASE, addons.CertManager(), addons.TrainingOperator(), addons.TaskGovernance()))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": "v1.18.2-eksbuild.1"}, "HyperPod needs 1.18.3 or later"),
        ({"version": "1.19.0"}, "written like"),
        ({"pods_per_node": 50}, "49 pods"),
        ({"pods_per_node": 251, "prefixes": True}, "at most 250"),
    ],
)
def test_a_network_plug_in_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        addons.VpcCni(**{"pods_per_node": 30, **fields})


@given(st.integers(1, addons.MOST_PODS))
def test_blocks_hold_all_pods_and_one_is_ready(pods: int) -> None:
    addresses = addons.VpcCni(pods_per_node=pods, prefixes=True).addresses_per_node
    assert addresses % addons.PREFIX == 0
    assert pods + addons.PREFIX <= addresses < pods + 2 * addons.PREFIX


@given(st.integers(25, 40), st.integers(25, 40))
def test_nodes_are_never_ahead_and_three_behind_at_most(nodes: int, control: int) -> None:
    if 0 <= control - nodes <= 3:
        versions.check_skew(f"1.{nodes}", f"1.{control}")
    else:
        with pytest.raises(ContractError, match="never ahead"):
            versions.check_skew(f"1.{nodes}", f"1.{control}")


def test_every_version_has_every_build() -> None:
    rows = [set(row) for row in versions.ADDONS.values()]
    kinds = [kind for kind in vars(addons).values() if isinstance(kind, type) and issubclass(kind, addons.AddOn)]
    names = {kind.name for kind in kinds if kind is not addons.AddOn}
    assert all(row == names for row in rows)
    for row in versions.ADDONS.values():
        for build in row.values():
            if build is not None:
                versions.parts(build, field="table")
    assert set(versions.STANDARD_SUPPORT_ENDS) == set(versions.ADDONS)


def group(name: str = "workers", instance_type: str = "ml.p5.48xlarge", **fields: Any) -> InstanceGroup:
    given: dict[str, Any] = {"duty": KubernetesNode(), "count": 2, "capacity": OnDemand()}
    return InstanceGroup(name=name, hosts=OneType(instance_type=instance_type), **{**given, **fields})


def charts(*groups: InstanceGroup, region: str = "eu-west-1") -> Charts:
    return Charts(region=region, registry=REGISTRY, namespace="trainyard-lab-eks", groups=groups)


def test_the_chart_follows_the_types() -> None:
    values = charts(group(), group("cpu", "ml.c5.4xlarge")).values()
    terms = values["nvidia-device-plugin"]["affinity"]["nodeAffinity"]
    (term,) = terms["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["ml.p5.48xlarge"]
    assert values["aws-efa-k8s-device-plugin"]["supportedInstanceLabels"]["values"] == ["ml.p5.48xlarge"]
    assert values["neuron-device-plugin"] == {"devicePlugin": {"enabled": False}}


@pytest.mark.parametrize("types", [("ml.p5.48xlarge",), ("ml.c5.4xlarge",), ("ml.trn1.32xlarge", "ml.g5.xlarge")])
def test_every_chart_inside_is_decided(types: tuple[str, ...]) -> None:
    values = charts(*(group(f"g{number}", name) for number, name in enumerate(types))).values()
    for switch in SWITCHES:
        found: Any = values
        for part in switch.split("."):
            found = found[part]
        assert isinstance(found, bool), switch


def test_kubeflow_s_operator_stays_out() -> None:
    assert charts(group()).values()["trainingOperators"] == {"enabled": False}


def test_plug_ins_stay_on_nodes_under_repair() -> None:
    values = charts(group()).values()
    for plug_in in ("nvidia-device-plugin", "aws-efa-k8s-device-plugin"):
        keys = [taint.get("key") for taint in values[plug_in]["tolerations"]]
        assert "sagemaker.amazonaws.com/node-health-status" in keys


def test_nothing_is_pulled_from_outside_the_account_or_eks() -> None:
    made = charts(group())
    text = made.text() + " ".join(made.install_commands(cluster="a", values="s3://b/c", note="true"))
    assert f"{REGISTRY}/trainyard-lab-eks/k8s-device-plugin" in text
    for outside in ("nvcr.io", "public.ecr.aws", "github.com", "us-west-2"):
        assert outside not in text


def test_another_type_of_instance_is_another_installation() -> None:
    more = group(count=8)
    assert charts(group()).installed == charts(more).installed
    assert charts(group()).installed != charts(group(instance_type="ml.p5e.48xlarge")).installed


def test_a_region_without_the_health_agent_is_refused() -> None:
    with pytest.raises(ContractError, match="no health monitoring agent"):
        charts(group(), region="eu-west-3")


def cluster() -> ClusterSettings:
    scaled = tuple(group(name, count=0, zone="eu-west-1a") for name in ("a", "b"))
    pools = Karpenter(node_classes=(NodeClass(name="gpus", groups=("a", "b")),))
    return ClusterSettings(name="c", groups=scaled, provisioning="Continuous", recovery="Automatic", zone="eu-west-1a",
                           autoscaling=pools)  # fmt: skip


def pool(**fields: Any) -> ScaledPool:
    given: dict[str, Any] = {"name": "gpus", "node_class": "gpus", "accelerators": 64, "vcpus": 2000, "empty_s": 600}
    return ScaledPool(**{**given, **fields})


def test_a_pool_fills_its_groups_within_limits() -> None:
    node_class, made = pool().manifests(cluster())
    assert node_class["spec"]["instanceGroups"] == ["a", "b"]
    assert made["spec"]["limits"] == {"cpu": 2000, "nvidia.com/gpu": 64}
    assert made["spec"]["disruption"]["consolidationPolicy"] == "WhenEmpty"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"node_class": "cpus"}, "autoscaling has gpus"),
        ({"accelerators": 7}, "one ml.p5.48xlarge has 8"),
        ({"vcpus": 100}, "one ml.p5.48xlarge has 192"),
    ],
)
def test_a_pool_that_could_make_no_node_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        pool(**fields).manifests(cluster())


def test_lustre_is_claimed_once_and_kept() -> None:
    volume, claim = LustreClaim(name="fsx", namespace="hyperpod-ns-vision", capacity_gib=1200, dns_name="fs.example",
                                file_system="fs-0123456789abcdef0", mount_name="fsx").manifests()  # fmt: skip
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["claimRef"] == {"namespace": "hyperpod-ns-vision", "name": "fsx"}
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["csi"]["volumeAttributes"] == {"dnsname": "fs.example", "mountname": "fsx"}


def s3(**fields: Any) -> S3Claim:
    given: dict[str, Any] = {"name": "data", "namespace": "a", "capacity_gib": 1, "bucket": "bucket", "prefix": "in/",
                             "region": "eu-west-1"}  # fmt: skip
    return S3Claim(**{**given, **fields})


def test_a_bucket_is_read_only_until_it_is_asked_for() -> None:
    assert s3().manifests()[0]["spec"]["mountOptions"] == ["prefix in/", "region eu-west-1", "read-only"]
    assert s3(writable=True, deletable=True).mount_options[-1] == "allow-delete"
    with pytest.raises(InvalidValue, match="what only reads deletes nothing"):
        s3(deletable=True)


def test_pods_reach_a_bucket_as_themselves() -> None:
    assert s3().driver()["volumeAttributes"]["authenticationSource"] == "pod"


def test_a_host_s_own_folders_stay_closed() -> None:
    with pytest.raises(InvalidValue, match="must match"):
        HostFolder(name="a", mount_path="/a", path="/etc")


def test_pods_may_have_to_be_near_each_other() -> None:
    near = TeamQueue(team="a", priority="b", together="topology.k8s.aws/network-node-layer-3")
    assert near.annotations() == {"kueue.x-k8s.io/podset-required-topology": "topology.k8s.aws/network-node-layer-3"}


def test_observability_writes_to_its_workspace_alone() -> None:
    made = addons.Observability(workspace_arn="arn:aws:aps:eu-west-1:1:workspace/ws", remote_write="https://a/")
    (identity,) = made.identities(NOWHERE)
    document = identity.statements[0].to_statement_json()
    assert document["Resource"] == "arn:aws:aps:eu-west-1:1:workspace/ws"
    assert json.dumps(made.configuration()).count("BASIC") == 6
