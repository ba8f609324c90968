"""What the instances of a cluster may do.

Sources, read 2026-11-22: "IAM role for SageMaker HyperPod" (SageMaker AI Developer Guide); the managed policy
AmazonSageMakerClusterInstanceRolePolicy, of which the grants here are the same for one cluster and its own scripts,
so that it is attached nowhere; "Customer managed AWS KMS key encryption for SageMaker HyperPod"; "Actions, resources,
and condition keys for Amazon EC2"; awsome-distributed-training #1202 (DescribeFileSystems).
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.training.roles import grant_metrics
from ml_contract.clusters.places import log_group

_LOOK = (
    # AWS's own examples differ on whether this one knows a resource; it only takes a permission away.
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
_LOOK_OF_PODS = ("ec2:DescribeInstanceTypes", "ec2:DescribeInstances", "ec2:DescribeTags")
_SESSION = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
NAMESPACE = "/aws/sagemaker/Clusters"


def node_role(scope: Construct, construct_id: str, description: str) -> iam.Role:
    """A role of instances, without any right.

    HyperPod's own trust policy knows no source account: agents on the instances, too, get credentials by it.
    """
    return iam.Role(
        scope, construct_id, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"), description=description
    )


def grant_node(role: iam.IRole, cluster: str) -> None:
    """Let instances of ``cluster`` log, measure, and be reached by Session Manager."""
    stack = cdk.Stack.of(role)
    group = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{log_group(cluster, '*')}"
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[group],
        )
    )
    grant_metrics(role, NAMESPACE)
    # These calls know no resource.
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=[f"ssmmessages:{name}" for name in _SESSION], resources=["*"])
    )


def grant_interfaces(
    role: iam.IRole, subnets: Sequence[ec2.ISubnet], groups: Sequence[ec2.ISecurityGroup], *, pods: bool
) -> None:
    """Let HyperPod put and take away interfaces of instances.

    Args:
        role: Role of the instances, as which HyperPod acts, also when the cluster is deleted.
        subnets: Where the instances are.
        groups: Groups of their interfaces.
        pods: Whether pods get addresses of their own, as on EKS.
    """
    stack = cdk.Stack.of(role)
    own = f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}"
    interfaces = f"{own}:network-interface/*"
    subnet_arns = [f"{own}:subnet/{subnet.subnet_id}" for subnet in subnets]
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=[*_LOOK, *(_LOOK_OF_PODS if pods else ())], resources=["*"])
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ec2:CreateNetworkInterface"],
            resources=[interfaces, *subnet_arns, *(f"{own}:security-group/{one.security_group_id}" for one in groups)],
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"],
            resources=[interfaces],
            conditions={"ArnEquals": {"ec2:Subnet": subnet_arns}},
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ec2:DetachNetworkInterface", *(_PODS if pods else ())],
            # Instances are of an account of the service.
            resources=[interfaces, f"arn:{stack.partition}:ec2:{stack.region}:*:instance/*"],
        )
    )
    role.add_to_principal_policy(iam.PolicyStatement(actions=["ec2:CreateTags"], resources=[interfaces]))


_PODS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:AttachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:UnassignPrivateIpAddresses",
)


def grant_pods(role: iam.IRole) -> None:
    """Let instances of an EKS cluster pull images of the account, and give pods identities of their own."""
    stack = cdk.Stack.of(role)
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            # Add-ons of EKS come from registries of AWS.
            resources=[f"arn:{stack.partition}:ecr:*:*:repository/*"],
        )
    )
    role.add_to_principal_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["eks-auth:AssumeRoleForPodIdentity"],
            resources=[f"arn:{stack.partition}:eks:{stack.region}:{stack.account}:cluster/*"],
        )
    )


def grant_volumes(role: iam.IRole, key: kms.IKey) -> None:
    """Let HyperPod, as ``role``, have volumes of instances encrypted with ``key``, also of those that come later."""
    stack = cdk.Stack.of(role)
    service = {"kms:ViaService": f"sagemaker.{stack.region}.{stack.url_suffix}"}
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["kms:CreateGrant"],
            resources=[key.key_arn],
            conditions={"StringEquals": service, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=["kms:DescribeKey"], resources=[key.key_arn], conditions={"StringEquals": service})
    )


def grant_look_at_file_systems(role: iam.IRole) -> None:
    """Let instances see what they mount: without it, EFA to Lustre is left out without a word.

    AWS's own policies give the call for all file systems.
    """
    role.add_to_principal_policy(iam.PolicyStatement(actions=["fsx:DescribeFileSystems"], resources=["*"]))


def grant_look_at_alarms(role: iam.IRole, arns: Sequence[str]) -> None:
    """Let an update see the alarms that take it back."""
    role.add_to_principal_policy(iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=list(arns)))
