"""What an endpoint runs: a copy of configuration and models as they were when it was created or updated.

A copy, because an endpoint goes on when its model is deleted, and comes back after a restart of the cloud.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainyard.local.hosting import memory

START_SECONDS = 300.0
"""Longest start where nothing says; ProductionVariant's documentation states no default."""
DOWNLOAD_SECONDS = 900.0
"""Longest download where nothing says; nor does it for this."""


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
