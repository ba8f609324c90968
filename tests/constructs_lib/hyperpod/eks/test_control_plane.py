"""An EKS cluster for HyperPod as a template: synthesised once."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ml_contract.errors import ContractError

pytestmark = pytest.mark.slow  # a synthesis

ZONES = ("eu-west-1a", "eu-west-1b")
ADMIN = "arn:aws:iam::123456789012:role/platform"
MARK = "/research/charts"
PLACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}


@pytest.fixture(scope="module")
def templates() -> tuple[dict[str, Any], dict[str, Any]]:
    import aws_cdk as cdk

    from constructs_lib.hyperpod import ClusterSettings, InstanceGroup, KubernetesNode, OnDemand, OneType
    from constructs_lib.hyperpod.cluster import HyperPodCluster
    from constructs_lib.hyperpod.eks import addons
    from constructs_lib.hyperpod.eks.access import Administrator, Scientist
    from constructs_lib.hyperpod.eks.addon import AddOnBinding
    from constructs_lib.hyperpod.eks.bundle import ManifestBundle
    from constructs_lib.hyperpod.eks.control_plane import ControlPlane, ControlPlaneSettings, PrivateEndpoint
    from constructs_lib.hyperpod.eks.identities import PodIdentity
    from constructs_lib.hyperpod.eks.installation import ChartInstallation
    from constructs_lib.hyperpod.eks.kueue import SharedQueue
    from constructs_lib.hyperpod.eks.queue_installation import QueueInstallation
    from constructs_lib.hyperpod.eks.volumes import S3Claim
    from constructs_lib.hyperpod.orchestrators.eks import Eks
    from constructs_lib.network import ClusterSubnet, Network, NetworkSettings, Nodes, know_availability_zones

    app = cdk.App()
    environment = cdk.Environment(account="123456789012", region="eu-west-1")
    stack = cdk.Stack(app, "Control", env=environment)
    after = cdk.Stack(app, "Nodes", env=environment)
    know_availability_zones(stack, ZONES)
    keep = cdk.RemovalPolicy.RETAIN
    nodes = Nodes(instance_type="ml.p5.48xlarge", count=2, pods=49)
    network = Network(
        stack, "Network", removal=keep,
        settings=NetworkSettings(cidr="10.0.0.0/18", availability_zones=ZONES, nodes=2, efa=False, log_days=1,
                                 clusters=(ClusterSubnet(name="Eks", zone=ZONES[0], nodes=(nodes,)),)),
    )  # fmt: skip
    group = InstanceGroup(name="workers", duty=KubernetesNode(), hosts=OneType(instance_type="ml.p5.48xlarge"), count=2,
                          capacity=OnDemand())  # fmt: skip
    plane = ControlPlane(
        stack, "Plane", network=network, removal=keep,
        settings=ControlPlaneSettings(
            name="research", version="1.35", support="STANDARD", endpoint=PrivateEndpoint(), log_days=30,
            access=(Administrator(principal=ADMIN),
                    Scientist(principal=f"{ADMIN}-users", namespaces=("hyperpod-ns-vision",))),
        ),
    )  # fmt: skip
    queue = SharedQueue(namespaces=("vision",), preempts=False)
    charts = ChartInstallation(stack, "Charts", control_plane=plane, groups=(group,), parameter=MARK, removal=keep,
                               queue=queue)  # fmt: skip
    charts.note.require(after)
    orchestrator = Eks(
        control_plane=plane,
        addons=(addons.VpcCni(pods_per_node=49), addons.KubeProxy(), addons.PodIdentityAgent(), addons.CoreDns(),
                addons.CertManager(), addons.FsxDriver(), addons.TrainingOperator(), addons.TaskGovernance()),
    )  # fmt: skip
    settings = ClusterSettings(name="research", groups=(group,), provisioning="Continuous", recovery="Automatic",
                               zone=ZONES[0])  # fmt: skip
    cluster = HyperPodCluster(after, "Cluster", settings=settings, orchestrator=orchestrator, network=network,
                              key=plane.key, removal=keep)  # fmt: skip
    given = AddOnBinding(control_plane=plane, network=network, cluster_arn=cluster.arn, key=plane.key, removal=keep)
    orchestrator.install_after(after, "AddOns", cluster=cluster, binding=given)
    QueueInstallation(after, "Queue", control_plane=plane, charts=charts.charts, queue=queue, groups=(group,))
    claim = S3Claim(name="data", namespace="hyperpod-ns-vision", capacity_gib=1, bucket="${DATA}", prefix="in/",
                    region="eu-west-1", writable=True)  # fmt: skip
    ManifestBundle(after, "Manifests", control_plane=plane, manifests=claim.manifests(), variables={"DATA": "a-bucket"})
    PodIdentity(after, "Jobs", control_plane=plane, namespace="hyperpod-ns-vision", service_account="jobs")
    assembly = app.synth()
    paths = [Path(assembly.get_stack_by_name(name).template_full_path) for name in ("Control", "Nodes")]
    control, after_it = (json.loads(path.read_text()) for path in paths)
    return control, after_it


def test_a_control_plane_in_one_zone_is_refused() -> None:
    network: Any = SimpleNamespace(subnets=[SimpleNamespace(availability_zone=ZONES[0])])
    import aws_cdk as cdk

    from constructs_lib.hyperpod.eks.control_plane import ControlPlane

    settings: Any = SimpleNamespace(name="research")
    with pytest.raises(ContractError, match="two zones at least"):
        ControlPlane(cdk.Stack(), "Plane", network=network, settings=settings, removal=cdk.RemovalPolicy.DESTROY)


@pytest.mark.parametrize(
    ("manifests", "variables", "words"),
    [
        ((PLACE, PLACE), {}, "applied once"),
        (({**PLACE, "metadata": {"name": "a", "labels": {"for": "${TEAM}"}}},), {}, "variables.TEAM: got None"),
        ((PLACE,), {"TEAM": "vision"}, "variables.TEAM: got 'vision'"),
    ],
)
def test_a_bundle_that_would_be_applied_otherwise_is_refused(
    manifests: tuple[Any, ...], variables: dict[str, str], words: str
) -> None:
    import aws_cdk as cdk

    from constructs_lib.hyperpod.eks.bundle import ManifestBundle

    plane: Any = SimpleNamespace(settings=SimpleNamespace(name="research"))
    with pytest.raises(ContractError, match=words):
        ManifestBundle(cdk.Stack(), "Bundle", control_plane=plane, manifests=manifests, variables=variables)


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: entry for name, entry in template["Resources"].items() if entry["Type"] == kind}


def one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = resources(template, kind).values()
    return found


def test_the_api_is_private_keyed_and_logged(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    cluster = one(templates[0], "AWS::EKS::Cluster")
    properties = cluster["Properties"]
    assert properties["AccessConfig"] == {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}
    assert properties["ResourcesVpcConfig"]["EndpointPublicAccess"] is False
    assert properties["ResourcesVpcConfig"]["EndpointPrivateAccess"] is True
    assert properties["EncryptionConfig"][0]["Resources"] == ["secrets"]
    assert len(properties["Logging"]["ClusterLogging"]["EnabledTypes"]) == 5
    assert properties["DeletionProtection"] is True
    assert cluster["DeletionPolicy"] == "Retain"


def test_no_function_stands_behind_it(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    kinds = {entry["Type"] for template in templates for entry in template["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith(("AWS::Lambda", "Custom::"))}


def test_people_have_entries_and_nodes_have_none(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    entries = resources(templates[0], "AWS::EKS::AccessEntry") | resources(templates[1], "AWS::EKS::AccessEntry")
    assert sorted(entry["Properties"]["PrincipalArn"] for entry in entries.values()) == [ADMIN, f"{ADMIN}-users"]


def test_what_serves_comes_after_nodes(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    addons = resources(templates[1], "AWS::EKS::Addon")
    (cluster,) = resources(templates[1], "AWS::SageMaker::Cluster")
    by_name = {entry["Properties"]["AddonName"]: entry for entry in addons.values()}
    for name in ("coredns", "cert-manager", "amazon-sagemaker-hyperpod-training-operator"):
        assert cluster in by_name[name]["DependsOn"], name
    for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent"):
        assert cluster not in by_name[name].get("DependsOn", []), name
        assert by_name[name]["Properties"]["AddonVersion"].startswith("v1."), name


def test_the_cluster_comes_after_its_first_addons(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first = {name for name, entry in resources(templates[1], "AWS::EKS::Addon").items()
             if entry["Properties"]["AddonName"] == "vpc-cni"}  # fmt: skip
    assert first <= set(one(templates[1], "AWS::SageMaker::Cluster")["DependsOn"])


def test_the_operator_sees_nodes_of_this_cluster_alone(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    statements = [
        statement
        for policy in resources(templates[1], "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sagemaker:DescribeClusterNode"
    ]
    (statement,) = statements
    assert statement["Resource"]["Fn::GetAtt"][1] == "ClusterArn"


def test_pods_of_the_operator_have_their_identity_before_they_start(
    templates: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    associations = resources(templates[1], "AWS::EKS::PodIdentityAssociation")
    (name,) = (
        name for name, entry in associations.items()
        if entry["Properties"]["ServiceAccount"] == "hp-training-operator-controller-manager"
    )  # fmt: skip
    (operator,) = (
        entry for entry in resources(templates[1], "AWS::EKS::Addon").values()
        if entry["Properties"]["AddonName"] == "amazon-sagemaker-hyperpod-training-operator"
    )  # fmt: skip
    assert name in operator["DependsOn"]


def test_the_commands_pin_the_chart(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    outputs = json.dumps(templates[0]["Outputs"])
    assert "git -C hyperpod-cli checkout 011ca927123e02b35a399935bbb3ab1905fe33c7" in outputs
    assert "helm upgrade --install hyperpod-dependencies" in outputs
    assert ":latest" not in outputs


def test_nodes_are_refused_until_their_chart_is_installed(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """CloudFormation reads the parameter and decides the rule before it makes anything."""
    control, nodes = templates
    ((_, mark),) = resources(control, "AWS::SSM::Parameter").items()
    assert mark["Properties"]["Name"] == MARK
    assert nodes["Parameters"]["ChartsNoted"]["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert nodes["Parameters"]["ChartsNoted"]["Default"] == MARK
    (assertion,) = nodes["Rules"]["ChartsFirst"]["Assertions"]
    installed, wanted = assertion["Assert"]["Fn::Equals"]
    assert installed == {"Ref": "ChartsNoted"}
    assert wanted != mark["Properties"]["Value"]
    assert "Of the stack Control run the outputs MirrorCommands, " in assertion["AssertDescription"]
    # Helm first: what failed is not noted.
    (last,) = (line for line in json.dumps(control["Outputs"]).split("\\n") if "put-parameter" in line)
    assert f"&& aws ssm put-parameter --region eu-west-1 --name {MARK} --value {wanted} --overwrite" in last
    assert last.startswith("helm upgrade --install")


def test_a_queue_is_copied_before_nodes_and_installed_after_them(
    templates: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    control, nodes = templates
    names = {entry["Properties"]["RepositoryName"] for entry in resources(control, "AWS::ECR::Repository").values()}
    assert {"research/kueue", "research/kueue-controller"} < names
    assert "crane copy registry.k8s.io/kueue/kueue:v0.19.2" in json.dumps(control["Outputs"])
    ((_, commands),) = ((name, entry) for name, entry in nodes["Outputs"].items() if "QueueCommands" in name)
    assert "helm upgrade --install kueue oci://" in json.dumps(commands)
    assert "kueue" not in json.dumps([entry for name, entry in control["Outputs"].items() if "InstallCommands" in name])


def test_manifests_are_applied_with_their_values(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    outputs = json.dumps(templates[1]["Outputs"])
    assert "DATA='a-bucket' envsubst '${DATA}' < manifests.json | kubectl apply -f -" in outputs


def test_scientists_are_in_their_team_s_group(templates: tuple[dict[str, Any], dict[str, Any]]) -> None:
    groups = [entry["Properties"].get("KubernetesGroups") for entry in
              resources(templates[0], "AWS::EKS::AccessEntry").values()]  # fmt: skip
    assert groups == [None, ["trainyard:hyperpod-ns-vision"]]
