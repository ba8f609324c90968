"""Groups that grow and shrink with the pods of an EKS cluster.

Sources, read 2026-11-22: "Autoscaling on SageMaker HyperPod EKS", "Create a NodeClass", "Create an IAM role for
HyperPod autoscaling with Karpenter" and "Spot instances in Amazon SageMaker HyperPod", SageMaker AI Developer Guide;
ClusterAutoScalingConfig, API reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_GROUPS = 10
"""Of one NodeClass."""


class NodeClass(Value):
    """Groups that Karpenter chooses among for the same pods."""

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9])*$", max_length=63)
    """Name of the HyperpodNodeClass in Kubernetes."""
    groups: tuple[str, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """Names of groups; each begins without an instance, and lives in one zone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.groups)) < len(self.groups):
            reject("groups", self.groups, "a group is named once", "Remove the repetition.")
        return self


class Karpenter(Value):
    """Autoscaling by the Karpenter that HyperPod runs."""

    node_classes: tuple[NodeClass, ...] = Field(min_length=1)
    """Which groups it scales, and for whom they stand in for each other."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [one.name for one in self.node_classes]
        if len(set(names)) < len(names):
            reject("node_classes", names, "node classes have different names", "Rename one.")
        return self

    def render(self) -> dict[str, str]:
        """AutoScaling, by the names of CDK; the node classes are manifests (``eks.scaling``)."""
        return {"mode": "Enable", "autoScalerType": "Karpenter"}

    @property
    def scaled(self) -> tuple[str, ...]:
        """Names of the groups that it scales."""
        return tuple(dict.fromkeys(group for one in self.node_classes for group in one.groups))


def scaling_role(scope: Construct, construct_id: str, keys: Sequence[kms.IKey]) -> iam.Role:
    """The role as which HyperPod adds and deletes nodes.

    Args:
        scope: Parent.
        construct_id: Construct id.
        keys: Keys of the volumes of nodes that it adds.
    """
    stack = cdk.Stack.of(scope)
    role = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal("hyperpod.sagemaker.amazonaws.com"),
        description="Autoscaling of one HyperPod cluster",
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["sagemaker:BatchAddClusterNodes", "sagemaker:BatchDeleteClusterNodes"],
            # The cluster's id is known only when it is there, and it asks for the role before.
            resources=[f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:cluster/*"],
        )
    )
    if keys:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:CreateGrant", "kms:DescribeKey"],
                resources=[key.key_arn for key in keys],
                conditions={"StringEquals": {"kms:ViaService": f"sagemaker.{stack.region}.{stack.url_suffix}"}},
            )
        )
    return role
