"""What AWS runs and the embedded cloud does not: refused by name, so that nothing a request asks for is dropped."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainyard.local.api.errors import unsupported


def _anything(_value: object) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A field that may not be given, or not with every value."""

    path: str
    """The field; `[]` stands for every item of a list."""
    way_out: str
    """What to do instead."""
    allowed: Callable[[Any], bool] = field(default=_anything)
    """Which values change nothing here; none by default."""


def refuse(request: Mapping[str, Any], refusals: tuple[Refusal, ...]) -> None:
    """Refuses a request that asks for what is not run.

    Raises:
        ServiceError: ValidationException naming the first such field.
    """
    for refusal in refusals:
        for path, value in _find(request, refusal.path.split("."), ""):
            if not refusal.allowed(value):
                raise unsupported(path, value, refusal.way_out)


def _find(value: Any, names: list[str], path: str) -> Iterator[tuple[str, Any]]:
    if not names:
        yield path, value
        return
    name = names[0].removesuffix("[]")
    if name not in value:
        return
    inner, below = value[name], f"{path}.{name}" if path else name
    if names[0].endswith("[]"):
        for index, item in enumerate(inner):
            yield from _find(item, names[1:], f"{below}[{index}]")
    else:
        yield from _find(inner, names[1:], below)


def _one_of(*values: object) -> Callable[[Any], bool]:
    return lambda value: value in values


def _disabled(switch: str) -> Callable[[Any], bool]:
    return lambda value: not value.get(switch)


_REMOVE = "Leave it out."
_NO_PLANS = "Leave it out: there are no training plans here."

TRAINING = (
    Refusal(path="AlgorithmSpecification.AlgorithmName", way_out="Name an image in TrainingImage."),
    Refusal(path="AlgorithmSpecification.TrainingImageConfig", way_out=_REMOVE),
    Refusal(
        path="AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
        way_out="Read the metrics from CloudWatch.",
        allowed=_one_of(False),
    ),
    Refusal(path="InputDataConfig[].DataSource.DatasetSource", way_out="Use an S3DataSource."),
    Refusal(
        path="InputDataConfig[].DataSource.S3DataSource.S3DataType",
        way_out="Use S3Prefix or ManifestFile.",
        allowed=_one_of("S3Prefix", "ManifestFile"),
    ),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.AttributeNames", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig", way_out=_REMOVE),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.HubAccessConfig", way_out=_REMOVE),
    Refusal(path="InputDataConfig[].CompressionType", way_out="Use None.", allowed=_one_of("None")),
    Refusal(path="InputDataConfig[].RecordWrapperType", way_out="Use None.", allowed=_one_of("None")),
    Refusal(path="ResourceConfig.TrainingPlanArn", way_out=_NO_PLANS),
    Refusal(path="ResourceConfig.InstancePlacementConfig", way_out=_REMOVE),
    Refusal(path="ResourceConfig.InstancePreferences[].TrainingPlanArns", way_out=_NO_PLANS),
    Refusal(path="ResourceConfig.SelectedInstanceType", way_out="Leave it out: the service says it."),
    Refusal(path="ResourceConfig.SelectedInstanceCount", way_out="Leave it out: the service says it."),
    Refusal(path="DebugHookConfig", way_out="Debugger is closed to new customers: leave it out."),
    Refusal(path="DebugRuleConfigurations", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(path="ProfilerRuleConfigurations", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(
        path="ProfilerConfig",
        way_out="Set DisableProfiler to true and use torch.profiler.",
        allowed=lambda value: value.get("DisableProfiler") is True,
    ),
    Refusal(path="ExperimentConfig", way_out=_REMOVE, allowed=_one_of({})),
    Refusal(path="RemoteDebugConfig", way_out="Use false.", allowed=_disabled("EnableRemoteDebug")),
    Refusal(path="InfraCheckConfig", way_out="Use false.", allowed=_disabled("EnableInfraCheck")),
    Refusal(path="SessionChainingConfig", way_out="Use false.", allowed=_disabled("EnableSessionTagChaining")),
    Refusal(path="ServerlessJobConfig", way_out="Name an image in AlgorithmSpecification.TrainingImage."),
    Refusal(path="ModelPackageConfig", way_out="Register the model in a pipeline step."),
)
"""Fields of CreateTrainingJob.

Accepted without an effect that a program could notice: EnableInterContainerTrafficEncryption (packets never leave the
machine), MaxPendingTimeInSeconds (a shortage says itself how long it is waited out), MlflowConfig (SageMaker documents
no variable or file by which a container learns of it; the trainer is told by its own hyperparameters).
"""

PROCESSING = (
    Refusal(path="ProcessingInputs[].AppManaged", way_out="Use false.", allowed=_one_of(False)),
    Refusal(path="ProcessingInputs[].DatasetDefinition", way_out="Use S3Input."),
    Refusal(
        path="ProcessingInputs[].S3Input.S3DataType",
        way_out="Use S3Prefix.",
        allowed=_one_of("S3Prefix"),
    ),
    Refusal(path="ProcessingInputs[].S3Input.S3InputMode", way_out="Use File.", allowed=_one_of("File")),
    Refusal(
        path="ProcessingInputs[].S3Input.S3CompressionType",
        way_out="Use None, and unpack in the container.",
        allowed=_one_of("None"),
    ),
    Refusal(path="ProcessingOutputConfig.Outputs[].AppManaged", way_out="Use false.", allowed=_one_of(False)),
    Refusal(path="ProcessingOutputConfig.Outputs[].FeatureStoreOutput", way_out="Use S3Output."),
    Refusal(
        path="ProcessingOutputConfig.Outputs[].S3Output.S3UploadMode",
        way_out="Use EndOfJob.",
        allowed=_one_of("EndOfJob"),
    ),
    Refusal(path="ProcessingResources.ClusterConfig.InstancePreferences", way_out="Use InstanceType, InstanceCount."),
    Refusal(path="ProcessingResources.ClusterConfig.SelectedInstanceType", way_out=_REMOVE),
    Refusal(path="ProcessingResources.ClusterConfig.SelectedInstanceCount", way_out=_REMOVE),
    Refusal(path="NetworkConfig.EnableNetworkIsolation", way_out="Use false.", allowed=_one_of(False)),
    Refusal(path="ExperimentConfig", way_out=_REMOVE, allowed=_one_of({})),
)
"""Fields of CreateProcessingJob."""
