"""What runs in a network, and so what it must reach.

Sources of the buckets that AWS owns: "Amazon ECR interface VPC endpoints" (layers), "SSM Agent communications with AWS
managed S3 buckets" (modules of documents, packages of Distributor), "SageMaker JumpStart: model artifacts", read
2026-11-22. HyperPod's own documentation names none: lifecycle scripts and artifacts lie in buckets of the account.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from constructs_lib.network.endpoints import (
    EKS,
    ENDPOINTS,
    INFERENCE,
    LUSTRE,
    MLFLOW,
    NODES,
    PROMETHEUS,
    SESSIONS,
    Endpoint,
)
from constructs_lib.values import Value

LAYERS = "prod-{region}-starport-layer-bucket"
"""Layers of every image in Amazon ECR."""


class Purpose(Value):
    """One kind of thing that runs in a network."""

    name: str = Field(pattern=r"^[a-z][a-z -]+$")
    """What it is, for messages."""
    endpoints: tuple[Endpoint, ...]
    """Interface endpoints that it needs."""
    buckets: tuple[str, ...] = ()
    """Buckets of AWS that it reads, with ``{region}``; none by default. The account's own are always allowed."""
    written: tuple[str, ...] = ()
    """Buckets of AWS that it writes, with ``{word}`` for the region without hyphens; none by default."""
    addresses: int = Field(default=0, ge=0, le=64)
    """Further addresses in each subnet of jobs; none by default."""
    subnet_tags: dict[str, str] = Field(default_factory=dict)
    """Tags by which it finds the subnets of jobs; none by default."""
    web_identity: bool = False
    """Whether it takes roles of the account by tokens of an issuer, which carry no account of theirs; not by
    default."""


JOBS = Purpose(name="jobs and endpoints", endpoints=ENDPOINTS, buckets=(LAYERS,))
"""Training, processing and serving by SageMaker."""
HYPERPOD = Purpose(
    name="hyperpod nodes",
    endpoints=NODES,
    # Sessions need neither; documents that run commands and packages do.
    buckets=(LAYERS, "aws-ssm-{region}", "aws-ssm-document-attachments-{region}"),
)
"""Nodes of a HyperPod cluster, whatever orchestrates them."""
ACCOUNTING = Purpose(name="accounting database", endpoints=(), addresses=2)
"""A database of Slurm's accounting in subnets of two zones: one address, and one while it is replaced."""
# "Amazon EKS networking requirements for VPC and subnets", read 2026-11-22: at least 6 addresses, AWS recommends 16.
EKS_CLUSTER = Purpose(
    name="eks cluster",
    endpoints=EKS,
    addresses=16,
    # "Network load balancing" and "Application load balancing", Amazon EKS User Guide, read 2026-11-22.
    subnet_tags={"kubernetes.io/role/internal-elb": "1"},
)
"""Control plane of EKS in subnets of at least two zones, and load balancers that are reached from inside."""
INFERENCE_OPERATOR = Purpose(name="inference operator", endpoints=INFERENCE, web_identity=True)
"""What serves models on nodes of an EKS cluster; its load balancers are in the addresses of ``EKS_CLUSTER``."""
LUSTRE_CLIENTS = Purpose(name="lustre clients", endpoints=LUSTRE)
"""Nodes that mount FSx for Lustre over EFA, or through the CSI driver."""
MANAGED_PROMETHEUS = Purpose(name="managed prometheus", endpoints=PROMETHEUS)
"""Collectors that write to a workspace."""
MANAGED_MLFLOW = Purpose(name="managed mlflow", endpoints=MLFLOW)
"""Training jobs that log to an MLflow app or tracking server of SageMaker."""
# "Access a training container through AWS Systems Manager for remote debugging", SageMaker AI Developer Guide, read
# 2026-11-22.
REMOTE_DEBUGGING = Purpose(name="remote debugging", endpoints=SESSIONS)
"""Sessions of people in the containers of training jobs."""
CUSTOM_RESOURCES = Purpose(
    name="custom resources",
    endpoints=(),
    # "Setting up VPC endpoints for AWS CloudFormation", CloudFormation User Guide, read 2026-11-22.
    written=("cloudformation-custom-resource-response-{word}",),
)
"""Functions that answer CloudFormation from inside: without it a deployment waits for an answer that never comes."""
JUMPSTART = Purpose(name="jumpstart models", endpoints=(), buckets=("jumpstart-cache-prod-{region}",))
"""Models that the inference operator takes from JumpStart."""


def endpoints_of(purposes: Iterable[Purpose]) -> tuple[Endpoint, ...]:
    """Every endpoint once, in the order of first mention."""
    found = {endpoint.id: endpoint for purpose in reversed(tuple(purposes)) for endpoint in purpose.endpoints}
    order = dict.fromkeys(endpoint.id for purpose in purposes for endpoint in purpose.endpoints)
    return tuple(found[name] for name in order)


def buckets_of(purposes: Iterable[Purpose]) -> tuple[str, ...]:
    """Every bucket of AWS once. S3 of the region goes through the gateway with any way out: layers are always in."""
    return tuple(dict.fromkeys([LAYERS, *(bucket for purpose in purposes for bucket in purpose.buckets)]))


def written_by(purposes: Iterable[Purpose]) -> tuple[str, ...]:
    """Names of AWS's own buckets that ``purposes`` write, each once."""
    return tuple(dict.fromkeys(bucket for purpose in purposes for bucket in purpose.written))
