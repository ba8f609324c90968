"""The add-on that measures nodes, accelerators, network and jobs.

Sources, read 2026-11-22: "Amazon SageMaker HyperPod observability with Amazon Managed Grafana and Amazon Managed
Service for Prometheus", SageMaker AI Developer Guide; awslabs/awsome-distributed-training at 0edaf15 (its values).
"""

from __future__ import annotations

from typing import Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from pydantic import Field

from constructs_lib.hyperpod.eks.addon import AddOn, AddOnBinding, Identity


class Observability(AddOn):
    """Collectors and exporters, which write to a workspace of Amazon Managed Service for Prometheus."""

    name = "amazon-sagemaker-hyperpod-observability"
    needs = ("eks-pod-identity-agent",)

    workspace_arn: str = Field(min_length=1)
    """ARN of the workspace."""
    remote_write: str = Field(min_length=1)
    """Its endpoint for writing, which ends with ``/``."""
    level: Literal["BASIC", "ADVANCED"] = "BASIC"
    """How much is collected of accelerators, network and jobs; the least by default."""
    interval_s: int = Field(default=30, ge=10, le=300)
    """Seconds between two readings; the add-on's own: 30."""

    def configuration(self) -> dict[str, Any]:
        kinds = ("training", "taskGovernance", "scaling", "node", "acceleratedCompute", "network")
        read = {"level": self.level, "scrapeInterval": self.interval_s}
        return {
            "ampWorkspace": {"prometheusEndpoint": self.remote_write, "arn": self.workspace_arn},
            "metricsProvider": {f"{kind}Metrics": read for kind in kinds},
            "logging": {"enabled": True},
        }

    def identities(self, binding: AddOnBinding, /) -> tuple[Identity, ...]:  # noqa: ARG002
        groups = (
            f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:/aws/sagemaker/Clusters/*"
        )
        write = iam.PolicyStatement(actions=["aps:RemoteWrite"], resources=[self.workspace_arn])
        log = iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[groups, f"{groups}:log-stream:*"],
        )
        return (
            Identity(
                namespace="hyperpod-observability",
                service_account="hyperpod-observability-operator-otel-collector",
                statements=(write, log),
            ),
        )
