"""The function that makes quotas and looks after them.

It has no dead-letter queue: what is lost of a deployment fails that deployment within the resource's own time limit,
with CloudFormation as the one that tries again; what is lost of the schedule comes again with the next look, and
missing looks raise the alarm. Nobody would read a queue.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from constructs_lib.governance.drift import NAMESPACE
from constructs_lib.network import CUSTOM_RESOURCES, JOBS, Network
from constructs_lib.retention import RETENTION, LogDays
from ml_contract.errors import reject

_CODE = Path(__file__).with_name("functions")
_MINUTES = 14
"""Of the 15 that Lambda gives: a quota is ready within one or two, and waits while its cluster is being changed."""
_MEMORY_MIB = 256
_AT_ONCE = 5
"""Executions at one time; further ones wait in Lambda's own queue. A deployment of many teams must not take the
account's concurrency from others. Lambda keeps 100 of the account's for all other functions, so an account whose limit
is still that of a new one, 10, has to have it raised first."""


class QuotaFunction(Construct):
    """Function, role and log."""

    resource: lambda_.Function
    policy: IDependable
    """What the function may do: whoever calls it waits for this."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey, log_days: LogDays, network: Network | None
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            key: Key of the log, which the log service may use (``constructs_lib.encryption.let_log_service_use``).
            log_days: Days that the log is kept.
            network: Where it runs; None: outside any network of the account. A closed one has the purposes ``JOBS``
                (for SageMaker's and CloudWatch's endpoints) and ``CUSTOM_RESOURCES``.

        Raises:
            ContractError: The network would not let its answers out.
        """
        super().__init__(scope, construct_id)
        if network and network.closed and not all(one in network.purposes for one in (JOBS, CUSTOM_RESOURCES)):
            reject("network.purposes", [purpose.name for purpose in network.purposes],
                   "a function in a closed network calls SageMaker, and answers CloudFormation in a bucket of AWS's",
                   "Add JOBS and CUSTOM_RESOURCES, or give no network.")  # fmt: skip
        log = logs.LogGroup(
            self,
            "Log",
            retention=RETENTION[log_days],
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
                        description="Makes the compute quotas of one cluster")  # fmt: skip
        log.grant_write(role)
        self._grant(role)
        self.resource = lambda_.Function(
            self,
            "Resource",
            code=lambda_.Code.from_asset(str(_CODE), exclude=["**/__pycache__", "*.pyc"]),
            handler="compute_quota.index.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            description="Compute quotas of a HyperPod cluster: made, changed, removed, compared with what was deployed",
            timeout=cdk.Duration.minutes(_MINUTES),
            memory_size=_MEMORY_MIB,
            reserved_concurrent_executions=_AT_ONCE,
            max_event_age=cdk.Duration.minutes(_MINUTES),
            role=role,
            log_group=log,
            **(_placed(self, role, network) if network else {}),
        )
        self.policy = role.node.find_child("DefaultPolicy")

    def _grant(self, role: iam.Role) -> None:
        stack = cdk.Stack.of(self)
        quotas = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:compute-quota/*"
        verbs = ("CreateComputeQuota", "DescribeComputeQuota", "UpdateComputeQuota", "DeleteComputeQuota", "AddTags",
                 "ListTags")  # fmt: skip
        role.add_to_policy(iam.PolicyStatement(actions=[f"sagemaker:{verb}" for verb in verbs], resources=[quotas]))
        role.add_to_policy(iam.PolicyStatement(actions=["sagemaker:ListComputeQuotas"], resources=["*"]))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            )
        )


def _placed(scope: Construct, role: iam.Role, network: Network) -> dict[str, Any]:
    """What puts a function into a network. Source: "Giving Lambda functions access to resources in an Amazon VPC",
    Lambda Developer Guide, read 2026-11-22: of these actions Lambda checks no resource."""
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            ],
            resources=["*"],
        )
    )
    group = ec2.SecurityGroup(scope, "Group", vpc=network.vpc, allow_all_outbound=False,
                              description="Makes compute quotas: HTTPS to AWS, nothing in")  # fmt: skip
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Endpoints of AWS")
    return {
        "vpc": network.vpc,
        "vpc_subnets": ec2.SubnetSelection(subnets=network.subnets),
        "security_groups": [group],
    }
