"""A language model served by nodes of a cluster: an InferenceEndpointConfig from the model of an endpoint.

What maps: an LMI container with weights in S3. Triton's repositories do not: the operator hands a container one folder
of weights and asks one address, and an ensemble or a multi-model server is neither.

Sources, read 2026-11-22: CRD and samples of HyperPod's inference operator 2.2.2 (aws/sagemaker-hyperpod-cli at
011ca92); "Deploying models on SageMaker HyperPod" and "Task governance for model deployment on HyperPod" (labels),
SageMaker AI Developer Guide; constructs_lib.serving for LMI.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.hyperpod.eks.queues import Placement, metadata
from constructs_lib.serving.models.lmi import LmiModel
from constructs_lib.training.image import DeepLearningImage
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

BUCKET, IMAGE = "TRAINYARD_MODEL_BUCKET", "TRAINYARD_IMAGE"
"""What a deployment knows: each stands as ``${NAME}`` and is replaced before the manifest is applied."""
PORT = 8080
WEIGHTS = "/opt/ml/model"
NAME = r"^[a-z0-9](-*[a-z0-9]){0,62}$"


class ClusterEndpoint(Value):
    """A model on nodes of the cluster, behind a load balancer that the operator makes."""

    name: str = Field(pattern=NAME)
    """Name of the endpoint."""
    placement: Placement
    """Namespace and queue: what serves counts in a team's quota, and goes before its jobs where its priority does."""
    model: LmiModel
    """Engine and weights; the weights lie in S3, unpacked."""
    instance_types: tuple[str, ...] = Field(min_length=1, max_length=10)
    """Types of the cluster's nodes that may run it, the preferred one first."""
    replicas: int = Field(ge=1, le=1000)
    """Pods."""
    vcpus: int = Field(ge=1)
    """Processors of each pod."""
    memory_gib: int = Field(ge=1)
    """Memory of each pod, GiB."""
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    """Region of the bucket."""
    deploy_s: int = Field(default=3600, ge=60)
    """Seconds until all pods must answer; the operator's own: an hour."""
    prefetch: bool = True
    """Whether weights are copied to the node before the container starts; otherwise they are read as it loads them."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        data = self.model.data
        if data is None:
            reject("model.model_id", self.model.model_id, "nodes of a closed network reach no hub",
                   "Put the weights into S3 and give data=Uncompressed(…).")  # fmt: skip
        if data.compressed:
            reject("model.data", type(data).__name__, "the operator unpacks nothing", "Take Uncompressed(location=…).")
        for name in self.instance_types:
            if self.instance_types.count(name) > 1:
                reject("instance_types", name, "a type is named once", "Remove the repetition.")
            self.model.check(name, self.accelerators)
            entry = instance(name)
            for field, asked, there in (
                ("vcpus", self.vcpus, entry.vcpus),
                ("memory_gib", self.memory_gib, entry.memory_gib),
                ("model.engine", self.accelerators, entry.accelerators),
            ):
                if asked > there:
                    reject(field, asked, f"{name} has {there}", "Take less, or another type.")
        return self

    @property
    def accelerators(self) -> int:
        """GPUs of each pod: those over which the engine divides the model."""
        return self.model.engine.tensor_parallel * self.model.engine.pipeline_parallel

    def variables(self, scope: Construct) -> Mapping[str, str]:
        """Values of what stands as ``${NAME}``; they may be tokens."""
        assert self.model.data is not None
        image = self.model.image or DeepLearningImage(image=self.model.engine.image)
        return {BUCKET: self.model.data.location.bucket.bucket_name, IMAGE: image.uri(scope)}

    def text(self) -> str:
        """The manifest as JSON, which is YAML."""
        return json.dumps(self.manifest(), indent=2) + "\n"

    def manifest(self) -> Manifest:
        """The InferenceEndpointConfig, held against its schema.

        Raises:
            ContractError: The schema refuses a field.
        """
        assert self.model.data is not None
        gpus: dict[str, Any] = {"nvidia.com/gpu": str(self.accelerators)}
        asked = {"cpu": str(self.vcpus), "memory": f"{self.memory_gib}Gi", **gpus}
        return check(
            {
                "apiVersion": "inference.sagemaker.aws.amazon.com/v1",
                "kind": "InferenceEndpointConfig",
                "metadata": metadata(self.name, self.placement),
                "spec": {
                    "modelName": self.name,
                    "endpointName": self.name,
                    "instanceTypes": list(self.instance_types),
                    "replicas": self.replicas,
                    "invocationEndpoint": "invocations",
                    "maxDeployTimeInSeconds": self.deploy_s,
                    "modelSourceConfig": {
                        "modelSourceType": "s3",
                        "s3Storage": {"bucketName": f"${{{BUCKET}}}", "region": self.region},
                        "modelLocation": self.model.data.location.prefix,
                        "prefetchEnabled": self.prefetch,
                    },
                    "worker": {
                        "image": f"${{{IMAGE}}}",
                        "modelInvocationPort": {"containerPort": PORT, "name": "http"},
                        "modelVolumeMount": {"name": "weights", "mountPath": WEIGHTS},
                        "environmentVariables": [
                            {"name": name, "value": value} for name, value in self.model.engine.environment().items()
                        ],
                        "resources": {"requests": asked, "limits": gpus},
                    },
                },
            }
        )
