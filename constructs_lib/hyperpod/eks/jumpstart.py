"""A JumpStart model served by nodes of a cluster, which the operator fetches and sets up itself.

No value object of the serving side maps to it: an endpoint of this project has its own weights. The network reads
JumpStart's bucket where it was told to (``constructs_lib.network.purposes.JUMPSTART``).

Sources, read 2026-11-22: CRD and sample of HyperPod's inference operator 2.2.2, aws/sagemaker-hyperpod-cli at 011ca92;
"Deploying models on SageMaker HyperPod", SageMaker AI Developer Guide.
"""

from __future__ import annotations

import json
from typing import Literal, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.hyperpod.eks.queues import Placement, metadata
from constructs_lib.values import Value
from ml_contract.instances import instance

NAME = r"^[a-z0-9](-*[a-z0-9]){0,62}$"


class JumpStartEndpoint(Value):
    """A model of JumpStart's public hub."""

    name: str = Field(pattern=NAME)
    """Name of the endpoint."""
    placement: Placement
    """Namespace and queue."""
    model_id: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,62}$")
    """Name of the model in the hub."""
    model_version: str = Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")
    """Version, or two deployments differ for no visible reason."""
    accepts_license: Literal[True]
    """That somebody has read the model's licence and takes it."""
    instance_type: str
    """Type of the cluster's nodes that run it."""
    replicas: int = Field(ge=1, le=1000)
    """Pods."""
    deploy_s: int = Field(default=3600, ge=60)
    """Seconds until all pods must answer; the operator's own: an hour."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        instance(self.instance_type, field="instance_type")
        return self

    def text(self) -> str:
        """The manifest as JSON, which is YAML."""
        return json.dumps(self.manifest(), indent=2) + "\n"

    def manifest(self) -> Manifest:
        """The JumpStartModel, held against its schema.

        Raises:
            ContractError: The schema refuses a field.
        """
        return check(
            {
                "apiVersion": "inference.sagemaker.aws.amazon.com/v1",
                "kind": "JumpStartModel",
                "metadata": metadata(self.name, self.placement),
                "spec": {
                    "model": {
                        "acceptEula": self.accepts_license,
                        "modelHubName": "SageMakerPublicHub",
                        "modelId": self.model_id,
                        "modelVersion": self.model_version,
                    },
                    "server": {"instanceType": self.instance_type},
                    "sageMakerEndpoint": {"name": self.name},
                    "replicas": self.replicas,
                    "maxDeployTimeInSeconds": self.deploy_s,
                },
            }
        )
