"""Groups that grow and shrink with the pods of an EKS cluster.

Sources, read 2026-11-22: "Autoscaling on SageMaker HyperPod EKS", "Create a NodeClass" and "Create an IAM role for
HyperPod autoscaling with Karpenter", SageMaker AI Developer Guide; ClusterAutoScalingConfig, API reference.
"""

from __future__ import annotations

from pydantic import Field

from constructs_lib.values import Value

MOST_GROUPS = 10
"""Of one NodeClass."""


class Karpenter(Value):
    """Autoscaling by the Karpenter that HyperPod runs."""

    groups: tuple[str, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """Names of the groups that it scales, which are those of one NodeClass: each begins without an instance."""
