"""What an endpoint runs: a copy of configuration and models as they were when it was created or updated.

A copy, because an endpoint goes on when its model is deleted, and comes back after a restart of the cloud.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.hosting import memory
from trainyard.local.hosting.models import find_model, resolved

# What holds here when the configuration names no time-outs; ProductionVariant's documentation states no defaults.
_START_SECONDS = 300.0
_DOWNLOAD_SECONDS = 900.0
# What a serverless endpoint that does not come up says on AWS: "within the allotted 180 second timeout", read 2026-11.
_SERVERLESS_START_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class ContainerPlan:
    """One container of a model."""

    hostname: str
    """ContainerHostname; `primary` for the only container."""
    image: str
    """Image URI."""
    data_url: str | None
    """s3:// address of model.tar.gz, or of a prefix; None when the image brings its model."""
    variables: Mapping[str, str]
    """Environment of the container."""
    many: bool = False
    """Whether it serves the models below `data_url` on demand (Mode MultiModel)."""
    cache: bool = True
    """Whether such models stay loaded (ModelCacheSetting)."""
    tree: bool = False
    """Whether every object below `data_url` is a file of the model (CompressionType None)."""


@dataclass(frozen=True, kw_only=True)
class ServerlessPlan:
    """Capacity that comes and goes with requests."""

    memory_mb: int
    """MemorySizeInMB of each container."""
    concurrency: int
    """Requests at one time (MaxConcurrency)."""
    provisioned: int = 0
    """Containers that stay warm (ProvisionedConcurrency)."""

    def to_aws(self) -> dict[str, int]:
        """As ServerlessConfig has it."""
        shown = {"MemorySizeInMB": self.memory_mb, "MaxConcurrency": self.concurrency}
        return shown | ({"ProvisionedConcurrency": self.provisioned} if self.provisioned else {})


@dataclass(frozen=True, kw_only=True)
class VariantPlan:
    """One production variant."""

    name: str
    model: str
    """Name of the model, for messages."""
    containers: Sequence[ContainerPlan]
    """One, or several in a row."""
    direct: bool
    """Whether requests name the container that they are for, instead of passing through all."""
    role: str
    """ARN of the model's execution role."""
    isolated: bool
    """Whether the container gets no credentials (EnableNetworkIsolation)."""
    instance_type: str
    """Empty for a serverless variant."""
    count: int
    """Instances: model servers."""
    weight: float
    """Share of the requests, relative to the other variants' weights; of a shadow, the part that it gets copies of."""
    routing: str
    """LEAST_OUTSTANDING_REQUESTS or RANDOM, among the instances."""
    start_seconds: float
    """Longest time from a container's start to its first healthy answer."""
    download_seconds: float
    """Longest time for the model data."""
    serverless: ServerlessPlan | None = None
    """None for instances."""
    volume_gb: int | None = None
    """Room for the files of many models (VolumeSizeInGB); None for the machine's disk."""
    component: str = ""
    """Name of the inference component that it is; empty for a production variant. One without containers hosts such."""
    memory_mb: int | None = None
    """Memory of each copy of an inference component; None for a production variant."""

    @property
    def image(self) -> str:
        """Image of the first container."""
        return self.containers[0].image

    @property
    def memory(self) -> int | None:
        """Bytes that each container has; None when that is not known."""
        if self.serverless:
            return self.serverless.memory_mb * memory.MIB
        if self.memory_mb is not None:
            return self.memory_mb * memory.MIB
        return memory.of_instance(self.instance_type)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "VariantPlan":
        """From the store."""
        containers = [ContainerPlan(**container) for container in raw["containers"]]
        serverless = ServerlessPlan(**raw["serverless"]) if raw.get("serverless") else None
        return cls(**{**raw, "containers": containers, "serverless": serverless})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that an endpoint runs."""

    id: str
    """Names the folder of its files."""
    config: str
    """Name of the endpoint configuration."""
    variants: Sequence[VariantPlan]
    shadows: Sequence[VariantPlan] = ()
    """Variants that get copies of requests, and whose answers nobody sees."""
    capture: Mapping[str, Any] | None = None
    """DataCaptureConfig, when requests are captured."""
    asynchronous: Mapping[str, Any] | None = None
    """AsyncInferenceConfig, when the endpoint answers into S3."""

    def to_json(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Plan":
        """From the store."""
        variants = [VariantPlan.from_json(variant) for variant in raw["variants"]]
        shadows = [VariantPlan.from_json(variant) for variant in raw.get("shadows", ())]
        return cls(**{**raw, "variants": variants, "shadows": shadows})


def make_plan(context: Context, config: Mapping[str, Any], weights: Mapping[str, float]) -> Plan:
    """The plan of a configuration.

    Args:
        context: the store with the models.
        config: the configuration's document.
        weights: weights by variant that take the place of the configuration's.

    Raises:
        ServiceError: ValidationException, a model does not exist any more.
    """
    capture = config.get("DataCaptureConfig")
    return Plan(
        id=uuid.uuid4().hex[:12],
        config=config["EndpointConfigName"],
        variants=[
            _variant(context, variant, weights) if "ModelName" in variant else _host(config, variant, weights)
            for variant in config["ProductionVariants"]
        ],
        shadows=[_variant(context, variant, {}) for variant in config.get("ShadowProductionVariants", ())],
        capture=capture if capture and capture.get("EnableCapture", True) else None,
        asynchronous=config.get("AsyncInferenceConfig"),
    )


def _host(config: Mapping[str, Any], variant: Mapping[str, Any], weights: Mapping[str, float]) -> VariantPlan:
    """Instances without a model: inference components have theirs on them."""
    name = variant["VariantName"]
    return VariantPlan(
        name=name,
        model="",
        containers=(),
        direct=False,
        role=config["ExecutionRoleArn"],
        isolated=config.get("EnableNetworkIsolation", False),
        instance_type=variant["InstanceType"],
        count=variant["InitialInstanceCount"],
        weight=weights.get(name, variant.get("InitialVariantWeight", 1.0)),
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        start_seconds=_START_SECONDS,
        download_seconds=_DOWNLOAD_SECONDS,
    )


def _variant(context: Context, variant: Mapping[str, Any], weights: Mapping[str, float]) -> VariantPlan:
    model = find_model(context, variant["ModelName"])
    name = variant["VariantName"]
    wanted = variant.get("ServerlessConfig")
    serverless = (
        ServerlessPlan(
            memory_mb=wanted["MemorySizeInMB"],
            concurrency=wanted["MaxConcurrency"],
            provisioned=wanted.get("ProvisionedConcurrency", 0),
        )
        if wanted
        else None
    )
    return VariantPlan(
        name=name,
        model=variant["ModelName"],
        containers=[container_plan(container) for container in resolved(model)],
        direct=model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct",
        role=model["ExecutionRoleArn"],
        isolated=model["EnableNetworkIsolation"],
        instance_type=variant.get("InstanceType", ""),
        count=max(1, serverless.provisioned) if serverless else variant["InitialInstanceCount"],
        weight=weights.get(name, variant.get("InitialVariantWeight", 1.0)),
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        start_seconds=variant.get(
            "ContainerStartupHealthCheckTimeoutInSeconds",
            _SERVERLESS_START_SECONDS if serverless else _START_SECONDS,
        ),
        download_seconds=variant.get("ModelDataDownloadTimeoutInSeconds", _DOWNLOAD_SECONDS),
        serverless=serverless,
        volume_gb=variant.get("VolumeSizeInGB"),
    )


def container_plan(container: Mapping[str, Any]) -> ContainerPlan:
    """A container of a model that is resolved."""
    return ContainerPlan(
        hostname=container["ContainerHostname"],
        image=container["Image"],
        data_url=container["ModelDataUrl"],
        variables=container["Environment"],
        many=container["Mode"] == "MultiModel",
        cache=container["ModelCacheSetting"] == "Enabled",
        tree=container["Uncompressed"],
    )
