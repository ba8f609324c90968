"""The inference operator in a template: who takes its roles, and what they may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from constructs_lib.hyperpod.eks import addons
from ml_contract.errors import ContractError
from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide

ACCOUNT, REGION = "123456789012", "eu-west-1"
ZONES = (f"{REGION}a", f"{REGION}b")
CLUSTER = "lab-eks"
HOST = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"

Resources = dict[str, dict[str, Any]]


def synthesised(name: str = CLUSTER, workspace: str | None = None) -> Resources:
    """Resources of control plane and add-ons in one stack: what deployment knows is a reference within it."""
    import aws_cdk as cdk
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3

    from constructs_lib.hyperpod.eks.access import Administrator
    from constructs_lib.hyperpod.eks.addon import AddOnBinding
    from constructs_lib.hyperpod.eks.control_plane import ControlPlane, ControlPlaneSettings, PrivateEndpoint
    from constructs_lib.hyperpod.eks.installed import InstalledAddOns
    from constructs_lib.network import INFERENCE_OPERATOR, JOBS, Network, NetworkSettings, know_availability_zones

    app = cdk.App()
    stack = cdk.Stack(app, "Serving", env=cdk.Environment(account=ACCOUNT, region=REGION))
    know_availability_zones(stack, ZONES)
    keep = cdk.RemovalPolicy.RETAIN
    network = Network(stack, "Network", removal=keep, settings=NetworkSettings(
        cidr="10.0.0.0/20", availability_zones=ZONES, nodes=2, efa=False, log_days=1,
        purposes=(JOBS, INFERENCE_OPERATOR)))  # fmt: skip
    plane = ControlPlane(stack, "Plane", network=network, removal=keep, settings=ControlPlaneSettings(
        name=name, version="1.35", support="STANDARD", endpoint=PrivateEndpoint(), log_days=30,
        access=(Administrator(principal=f"arn:aws:iam::{ACCOUNT}:role/platform"),)))  # fmt: skip
    key = kms.Key(stack, "Key")
    weights = s3.Bucket(stack, "Weights", encryption_key=key)
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:cluster/abc"
    binding = AddOnBinding(control_plane=plane, network=network, key=key, removal=keep, weights=weights,
                           cluster_arn=arn, workspace_arn=workspace)  # fmt: skip
    made = (
        addons.S3Driver(serves=("served",)),
        addons.FsxDriver(),
        addons.CertManager(),
        addons.MetricsServer(),
        addons.InferenceOperator(scales=True),
    )
    InstalledAddOns(stack, "AddOns", addons=made, binding=binding)
    text = Path(app.synth().get_stack_by_name("Serving").template_full_path).read_text()
    return dict(json.loads(text)["Resources"])


@pytest.fixture(scope="module")
def resources() -> Resources:
    return synthesised(workspace=f"arn:aws:aps:{REGION}:{ACCOUNT}:workspace/ws")


def of(resources: Resources, kind: str) -> Resources:
    return {name: entry for name, entry in resources.items() if entry["Type"] == kind}


def deployed(value: Any) -> Any:
    """What a deployment makes of a value: names of what it makes are their logical ids."""
    if isinstance(value, list):
        return [deployed(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        known = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
        match function:
            case "Fn::Join":
                return argument[0].join(map(str, deployed(argument[1])))
            case "Fn::Split":
                return deployed(argument[1]).split(argument[0])
            case "Fn::Select":
                return deployed(argument[1])[int(argument[0])]
            case "Fn::GetAtt":
                return PROVIDER if "IssuerProvider" in argument[0] else f"arn:of:{argument[0]}"
            case "Ref":
                return known.get(argument, argument)
    return {name: deployed(inner) for name, inner in value.items()}


def role(resources: Resources, part: str) -> tuple[str, dict[str, Any]]:
    ((name, entry),) = ((name, entry) for name, entry in of(resources, "AWS::IAM::Role").items() if part in name)
    return name, entry["Properties"]


def may(
    resources: Resources, name: str, action: str, resource: str, keys: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Whether a role's own policies allow a call."""
    policies = [deployed(entry["Properties"]["PolicyDocument"]) for entry in of(resources, "AWS::IAM::Policy").values()
                if {"Ref": name} in entry["Properties"]["Roles"]]  # fmt: skip
    assert policies
    request = Request(principal=f"arn:aws:iam::{ACCOUNT}:role/r", action=action, resource=resource, owner=ACCOUNT,
                      keys={key.lower(): value for key, value in keys.items()})  # fmt: skip
    return decide(request, Policies(identity=[parse(found, name) for found in policies])).allowed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "account"),
    [
        ("IssuerOperator", "hyperpod-inference-controller-manager"),
        ("IssuerLoadBalancers", "aws-load-balancer-controller"),
        ("IssuerScaling", "keda-operator"),
    ],
)
def test_pods_of_one_service_account_of_this_cluster_take_a_role(resources: Resources, part: str, account: str) -> None:
    _, properties = role(resources, part)
    given = properties["AssumeRolePolicyDocument"]
    assert set(given) == {"Fn::Join"}  # text: a key of an object can be no function
    trust = json.loads(deployed(given))
    by_token = [one for one in trust["Statement"] if one["Action"] == "sts:AssumeRoleWithWebIdentity"]
    (provider,) = of(resources, "AWS::IAM::OIDCProvider").values()
    (plane,) = of(resources, "AWS::EKS::Cluster")
    assert provider["Properties"]["Url"] == {"Fn::GetAtt": [plane, "OpenIdConnectIssuerUrl"]}
    assert by_token == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": PROVIDER},
            "Condition": {
                "StringEquals": {
                    f"{HOST}:aud": "sts.amazonaws.com",
                    f"{HOST}:sub": f"system:serviceaccount:hyperpod-inference-system:{account}",
                }
            },
        }
    ]
    others = [one["Principal"] for one in trust["Statement"] if one not in by_token]
    assert others == ([{"Service": "sagemaker.amazonaws.com"}] if part == "IssuerOperator" else [])


@pytest.mark.slow
def test_the_add_on_is_told_its_roles_its_bucket_and_its_cluster(resources: Resources) -> None:
    (addon,) = (entry for entry in of(resources, "AWS::EKS::Addon").values()
                if entry["Properties"]["AddonName"] == "amazon-sagemaker-hyperpod-inference")  # fmt: skip
    values = json.loads(deployed(addon["Properties"]["ConfigurationValues"]))
    operator, properties = role(resources, "IssuerOperator")
    balancers, _ = role(resources, "IssuerLoadBalancers")
    scaling, _ = role(resources, "IssuerScaling")
    (bucket,) = (name for name in of(resources, "AWS::S3::Bucket") if "Certificates" in name)
    assert values == {
        "executionRoleArn": f"arn:of:{operator}",
        "tlsCertificateS3Bucket": bucket,
        "hyperpodClusterArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:cluster/abc",
        "alb": {"enabled": True, "serviceAccount": {"create": True, "roleArn": f"arn:of:{balancers}"}},
        "keda": {"enabled": True, "auth": {"aws": {"irsa": {"enabled": True, "roleArn": f"arn:of:{scaling}"}}}},
        "inferenceOperator": {"enabled": True},
        "inferenceGateway": {"enabled": False},
    }
    # The add-on refuses a role of another name.
    assert properties["RoleName"].startswith("SageMakerHyperPodInference")
    # Pods look for credentials once: roles and their rights are there before.
    rights = {name for name, entry in of(resources, "AWS::IAM::Policy").items() if "Issuer" in name}
    assert rights | {operator, balancers, scaling} <= set(addon["DependsOn"])
    stands_on = {name for name, entry in of(resources, "AWS::EKS::Addon").items()
                 if entry["Properties"]["AddonName"] in addons.InferenceOperator.needs}  # fmt: skip
    assert stands_on <= set(addon["DependsOn"])
    assert len(stands_on) == 4


OURS = {"aws:ResourceTag/CreatedBy": "HyperPodInference"}
WANTED = {"aws:RequestTag/CreatedBy": "HyperPodInference"}
SAGEMAKER, EC2 = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}", f"arn:aws:ec2:{REGION}:{ACCOUNT}"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/a/1"
TAG = "elbv2.k8s.aws/cluster"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "action", "resource", "keys", "allowed"),
    [
        ("IssuerOperator", "sagemaker:UpdateClusterInference", f"{SAGEMAKER}:cluster/abc", {}, True),
        ("IssuerOperator", "sagemaker:UpdateClusterInference", f"{SAGEMAKER}:cluster/other", {}, False),
        ("IssuerOperator", "sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/a", WANTED, True),
        ("IssuerOperator", "sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/a", {}, False),
        ("IssuerOperator", "sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/a", OURS, True),
        ("IssuerOperator", "sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/prod", {}, False),
        ("IssuerOperator", "acm:ImportCertificate", CERTIFICATE, WANTED, True),
        ("IssuerOperator", "acm:ImportCertificate", CERTIFICATE, OURS, True),
        ("IssuerOperator", "acm:DeleteCertificate", CERTIFICATE, {}, False),
        ("IssuerOperator", "iam:PassRole", "arn:aws:iam::123456789012:role/administrator",
         {"iam:PassedToService": "sagemaker.amazonaws.com"}, False),
        ("IssuerOperator", "ec2:CreateNetworkInterface", f"{EC2}:subnet/subnet-elsewhere", {}, False),
        ("IssuerOperator", "s3:GetObject", "arn:aws:s3:::elsewhere/key", {}, False),
        ("IssuerLoadBalancers", "acm:DeleteCertificate", CERTIFICATE, OURS, False),
        ("IssuerLoadBalancers", "wafv2:AssociateWebACL", "*", {}, False),
        ("IssuerScaling", "aps:QueryMetrics", f"arn:aws:aps:{REGION}:{ACCOUNT}:workspace/ws", {}, True),
        ("IssuerScaling", "aps:QueryMetrics", f"arn:aws:aps:{REGION}:{ACCOUNT}:workspace/other", {}, False),
    ],
)  # fmt: skip
def test_rights_end_at_the_cluster(
    resources: Resources, part: str, action: str, resource: str, keys: dict[str, str], allowed: bool
) -> None:
    name, _ = role(resources, part)
    assert may(resources, name, action, resource, keys) is allowed


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["ours", "another"])
@pytest.mark.parametrize(
    ("action", "when"),
    [("CreateLoadBalancer", "Request"), ("DeleteLoadBalancer", "Resource"), ("RegisterTargets", "Resource"),
     ("CreateListener", "Resource"), ("SetSecurityGroups", "Resource")],
)  # fmt: skip
def test_load_balancers_of_another_cluster_are_left_alone(
    resources: Resources, action: str, when: str, cluster: str
) -> None:
    (plane,) = of(resources, "AWS::EKS::Cluster")
    name, _ = role(resources, "IssuerLoadBalancers")
    tags = {f"aws:{when}Tag/{TAG}": plane if cluster == "ours" else "other"}
    allowed = may(resources, name, f"elasticloadbalancing:{action}", BALANCER, tags)
    assert allowed is (cluster == "ours")


@pytest.mark.slow
def test_the_driver_reads_what_is_served_and_nothing_beside(resources: Resources) -> None:
    (weights,) = (name for name in of(resources, "AWS::S3::Bucket") if name.startswith("Weights"))
    (own,) = (name for name, entry in of(resources, "AWS::IAM::Role").items() if "s3csidriver" in name)
    objects = {"served/llama/config.json": True, "served-by-others/a": False, "models/a": False}
    for key, allowed in objects.items():
        assert may(resources, own, "s3:GetObject", f"arn:of:{weights}/{key}") is allowed, key
    assert may(resources, own, "s3:PutObject", f"arn:of:{weights}/served/llama/config.json") is False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "action", "resource", "passes"),
    [
        ("sts", "sts:AssumeRoleWithWebIdentity", f"arn:aws:iam::{ACCOUNT}:role/pods", True),
        ("sts", "sts:AssumeRoleWithWebIdentity", "arn:aws:iam::999999999999:role/pods", False),
        ("sts", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/pods", False),
        ("kms", "sts:AssumeRoleWithWebIdentity", f"arn:aws:iam::{ACCOUNT}:role/pods", False),
    ],
)
def test_in_a_closed_network_a_token_passes_to_the_account_s_own_roles(
    resources: Resources, service: str, action: str, resource: str, passes: bool
) -> None:
    """The call is signed by nobody: no condition on who asks could hold."""
    found = {deployed(entry["Properties"]["ServiceName"]).rpartition(".")[2]: deployed(entry["Properties"])
             for entry in of(resources, "AWS::EC2::VPCEndpoint").values()}  # fmt: skip
    assert {"acm", "elasticloadbalancing", "fsx"} < set(found)
    statements = [{**one, "Principal": "*"} for one in found[service]["PolicyDocument"]["Statement"]]
    request = Request(principal="token", action=action, resource=resource, owner=ACCOUNT)
    assert decide(request, Policies(resource=parse({"Statement": statements}, "endpoint"))).allowed is passes


@pytest.mark.slow
def test_a_role_whose_name_iam_would_refuse_is_refused() -> None:
    with pytest.raises(ContractError, match="at most 64"):
        synthesised(name="a" * 38)
