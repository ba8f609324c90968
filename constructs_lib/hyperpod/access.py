"""What people and programs may do with a cluster."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

_READ = ("DescribeCluster", "DescribeClusterEvent", "DescribeClusterNode", "ListClusterEvents", "ListClusterNodes")


def grant_describe(identity: iam.IGrantable, cluster: sagemaker.CfnCluster) -> None:
    """Let ``identity`` see a cluster, its nodes and its events."""
    identity.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(actions=[f"sagemaker:{name}" for name in _READ], resources=[cluster.attr_cluster_arn])
    )


def grant_sessions(identity: iam.IGrantable, cluster: sagemaker.CfnCluster) -> None:
    """Let ``identity`` open shells on the instances of a cluster, and end its own.

    Session Manager knows the instances by the cluster, not one by one: who may enter one may enter all of them.

    Source: "Setting up AWS Systems Manager and Run As for cluster user access control", SageMaker AI Developer Guide,
    read 2026-11-22: the target is ``sagemaker-cluster:<cluster id>_<group>-<instance id>``, authorised on the cluster.
    """
    principal, stack = identity.grant_principal, cdk.Stack.of(cluster)
    own = f"arn:{stack.partition}:ssm:{stack.region}"
    documents = [
        f"{own}::document/AWS-StartInteractiveCommand",
        f"{own}:{stack.account}:document/SSM-SessionManagerRunShell",
    ]
    principal.add_to_principal_policy(
        iam.PolicyStatement(actions=["ssm:StartSession"], resources=[cluster.attr_cluster_arn, *documents])
    )
    principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ssm:ResumeSession", "ssm:TerminateSession"],
            resources=[f"{own}:{stack.account}:session/${{aws:userid}}-*"],
        )
    )
