"""Roles that start empty."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

from constructs_lib.network import Network

# Sources, read 2026-11-21: "SageMaker AI Roles: CreateTrainingJob / CreateProcessingJob API: execution role
# permissions"; "Actions, resources, and condition keys for Amazon EC2".
_WHOLE_NETWORK = (
    # AWS's own examples differ on whether this one knows a resource; it only takes a permission away.
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
JOBS = ("TrainingJobs", "ProcessingJobs")


def sagemaker_role(scope: Construct, construct_id: str, description: str) -> iam.Role:
    """A role that SageMaker assumes, for resources of this account only."""
    account = cdk.Stack.of(scope).account
    principal = iam.ServicePrincipal(
        "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
    )
    return iam.Role(scope, construct_id, assumed_by=principal, description=description)


def after_policies(resource: IConstruct, *roles: iam.Role) -> None:
    """Create ``resource`` after the policies of ``roles``: a role alone, without them, is of no use to it."""
    for role in roles:
        resource.node.add_dependency(role.node.find_child("DefaultPolicy"))


def grant_logs(role: iam.IRole, groups: str) -> None:
    """Let ``role`` write the logs of its containers, below ``/aws/sagemaker/<groups>``."""
    stack = cdk.Stack.of(role)
    arn = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:/aws/sagemaker/{groups}"
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[arn, f"{arn}:*"],
        )
    )


def grant_metrics(role: iam.IRole, *namespaces: str) -> None:
    """Let ``role`` publish metrics into SageMaker's own namespaces; the action knows no resource."""
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": list(namespaces)}},
        )
    )


def grant_network(role: iam.IRole, subnets: list[ec2.ISubnet], group: ec2.ISecurityGroup) -> None:
    """Let ``role`` put network interfaces of its containers into ``subnets`` and ``group``."""
    stack = cdk.Stack.of(role)
    ec2_arn = f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}"
    interfaces = f"{ec2_arn}:network-interface/*"
    subnet_arns = [f"{ec2_arn}:subnet/{subnet.subnet_id}" for subnet in subnets]
    # These calls know no resource.
    role.add_to_principal_policy(iam.PolicyStatement(actions=list(_WHOLE_NETWORK), resources=["*"]))
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ec2:CreateNetworkInterface"],
            resources=[interfaces, *subnet_arns, f"{ec2_arn}:security-group/{group.security_group_id}"],
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"],
            resources=[interfaces],
            conditions={"ArnEquals": {"ec2:Subnet": subnet_arns}},
        )
    )


def grant_volumes(role: iam.IRole, key: kms.IKey) -> None:
    """Let ``role`` have volumes of its containers encrypted with ``key``: EC2 gets a grant, nobody else."""
    key.grant(role, "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext")
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["kms:CreateGrant"],
            resources=[key.key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )
    )


def grant_start_jobs(role: iam.IRole, jobs: iam.IRole, package_groups: list[str]) -> None:
    """Let a pipeline's ``role`` run jobs as ``jobs`` and register packages.

    Args:
        role: Role of the pipeline.
        jobs: Role of its jobs; passed to SageMaker and to no other service.
        package_groups: Names of the groups that it registers into.
    """
    stack = cdk.Stack.of(role)
    sagemaker = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}"
    # Pipelines names every job pipelines-<execution>-<step>-<random>.
    for kind, name in (("training-job", "TrainingJob"), ("processing-job", "ProcessingJob")):
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[f"sagemaker:{verb}{name}" for verb in ("Create", "Describe", "Stop")]
                + ["sagemaker:AddTags", "sagemaker:ListTags"],
                resources=[f"{sagemaker}:{kind}/pipelines-*"],
            )
        )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[jobs.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
    )
    if package_groups:
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[
                    "sagemaker:AddTags",
                    "sagemaker:CreateModelPackage",
                    "sagemaker:DescribeModelPackage",
                    "sagemaker:DescribeModelPackageGroup",
                    "sagemaker:ListTags",
                ],
                resources=[
                    arn
                    for name in package_groups
                    for arn in (f"{sagemaker}:model-package-group/{name}", f"{sagemaker}:model-package/{name}/*")
                ],
            )
        )


class JobRole(Construct):
    """The role of a pipeline's jobs. Binding a step adds what that step needs."""

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.role = sagemaker_role(self, "Role", "Training and processing jobs of one pipeline")
        grant_network(self.role, network.subnets, network.nodes)
        grant_volumes(self.role, key)
        for group in JOBS:
            grant_logs(self.role, group)
        grant_metrics(self.role, *(f"/aws/sagemaker/{group}" for group in JOBS))
