"""What a network without internet must reach, as data.

Sources: "Connect to SageMaker AI Within your VPC", "Amazon ECR interface VPC endpoints", read 2026-11-21; "Improve the
security of EC2 instances by using VPC endpoints for Systems Manager", "Deploy private clusters with limited internet
access" (Amazon EKS User Guide), "Using Amazon Managed Service for Prometheus with interface VPC endpoints", "Amazon
FSx and interface VPC endpoints", read 2026-11-22. Which policies name the owner of what is called:
aws-samples/data-perimeter-policy-examples, vpc_endpoint_policies, read 2026-11-22.
"""

from __future__ import annotations

from pydantic import Field

from constructs_lib.values import Value


class Endpoint(Value):
    """An interface endpoint."""

    id: str = Field(pattern=r"^[A-Z][A-Za-z0-9]+$")
    """Construct id, part of the logical id."""
    service: str = Field(pattern=r"^[a-z0-9.-]+$")
    """Name of the service behind ``com.amazonaws.<region>.``."""
    reason: str = Field(min_length=1)
    """Who calls it from inside the network."""
    foreign: tuple[str, ...] = ("*",)
    """Actions on what other accounts own, AWS's included. All by default: most services here have nothing that another
    account could own, or are asked without a resource. What could carry data away names those that only read."""
    whole: str | None = Field(default=None, pattern=r"^[a-z0-9.{}-]+$")
    """Whole name with ``{region}``, of a service that is not behind ``com.amazonaws.<region>.``; None for others."""


PULLS = (
    "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
    "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages",
)  # fmt: skip
"""What reads an image: AWS keeps its own in accounts of its own. Pushing to another account's registry is not among
them."""

ENDPOINTS = (
    Endpoint(id="SageMakerApi", service="sagemaker.api", reason="jobs that describe or start SageMaker resources"),
    Endpoint(id="SageMakerRuntime", service="sagemaker.runtime", reason="callers of endpoints inside the network"),
    Endpoint(id="Sts", service="sts", reason="SDKs that ask for an identity"),
    Endpoint(id="Logs", service="logs", reason="logs of jobs and endpoints"),
    Endpoint(id="Monitoring", service="monitoring", reason="metrics of jobs and endpoints"),
    Endpoint(id="EcrApi", service="ecr.api", reason="addresses of images", foreign=PULLS),
    Endpoint(id="EcrDocker", service="ecr.dkr", foreign=PULLS,
             reason="images; their layers come through the S3 endpoint"),
    Endpoint(id="Kms", service="kms", reason="data keys of objects and volumes", foreign=()),
)  # fmt: skip
"""Interface endpoints of jobs. S3 is a gateway endpoint and has no price."""

_JOBS = {endpoint.id: endpoint for endpoint in ENDPOINTS}

SESSIONS = (Endpoint(id="SsmMessages", service="ssmmessages", reason="sessions on nodes, and in training jobs"),)

NODES = (
    *(_JOBS[name] for name in ("SageMakerApi", "Sts", "Logs", "Monitoring", "EcrApi", "EcrDocker", "Kms")),
    Endpoint(id="Ssm", service="ssm", reason="the agent on every node, by which people reach it"),
    *SESSIONS,
    Endpoint(id="Ec2Messages", service="ec2messages", reason="agents that still take commands by the older way"),
    Endpoint(id="Ec2", service="ec2", reason="nodes that look at their interfaces; the VPC's network plug-in of EKS"),
    Endpoint(id="SecretsManager", service="secretsmanager", foreign=(),
             reason="passwords of accounting database and directory"),
)  # fmt: skip
"""Of nodes of a HyperPod cluster."""

EKS = (
    Endpoint(id="Eks", service="eks", reason="nodes and operators that look at their cluster"),
    Endpoint(id="EksAuth", service="eks-auth", reason="pod identity: credentials of every pod that has a role"),
    Endpoint(id="LoadBalancing", service="elasticloadbalancing", reason="the load balancer's controller of inference"),
)
"""Beside those of nodes. Pods get roles by pod identity: AssumeRoleWithWebIdentity carries no account, so the policy of
the endpoint of STS denies it, unless a purpose says that pods take roles by tokens."""

LUSTRE = (Endpoint(id="Fsx", service="fsx", reason="clients that ask whether EFA is on, and the CSI driver"),)
"""Of clients that look at their file system: a mount alone asks no API."""

INFERENCE = (
    *(_JOBS[name] for name in ("SageMakerApi", "Sts", "Monitoring")),
    *LUSTRE,
    *(endpoint for endpoint in EKS if endpoint.id == "LoadBalancing"),
    Endpoint(id="Acm", service="acm", reason="certificates that the inference operator imports"),
)
"""Of the inference operator, its controller of load balancers and KEDA, beside those of nodes."""

PROMETHEUS = (
    Endpoint(id="Prometheus", service="aps-workspaces", reason="samples of collectors, and queries", foreign=()),
)

MLFLOW = (
    Endpoint(id="Mlflow", service="sagemaker.experiments", whole="aws.sagemaker.{region}.experiments",
             reason="jobs that log to SageMaker's MLflow"),
)  # fmt: skip
"""Source: "Connect to an MLflow tracking server through an interface VPC endpoint", SageMaker Developer Guide, read
2026-11-21."""
