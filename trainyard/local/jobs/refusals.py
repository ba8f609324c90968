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
_IN_MODE = "Use File, or FastFile, which is served here as downloaded files."

TRAINING = (
    Refusal(path="AlgorithmSpecification.AlgorithmName", way_out="Name an image in TrainingImage."),
    Refusal(path="AlgorithmSpecification.TrainingInputMode", way_out=_IN_MODE, allowed=_one_of("File", "FastFile")),
    Refusal(path="AlgorithmSpecification.TrainingImageConfig", way_out=_REMOVE),
    Refusal(
        path="AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
        way_out="Read the metrics from CloudWatch.",
        allowed=_one_of(False),
    ),
    Refusal(path="InputDataConfig[].DataSource.FileSystemDataSource", way_out="Use an S3DataSource."),
    Refusal(path="InputDataConfig[].DataSource.DatasetSource", way_out="Use an S3DataSource."),
    Refusal(
        path="InputDataConfig[].DataSource.S3DataSource.S3DataType",
        way_out="Use S3Prefix.",
        allowed=_one_of("S3Prefix"),
    ),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.AttributeNames", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.InstanceGroupNames", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig", way_out=_REMOVE),
    Refusal(path="InputDataConfig[].DataSource.S3DataSource.HubAccessConfig", way_out=_REMOVE),
    Refusal(path="InputDataConfig[].CompressionType", way_out="Use None.", allowed=_one_of("None")),
    Refusal(path="InputDataConfig[].RecordWrapperType", way_out="Use None.", allowed=_one_of("None")),
    Refusal(path="InputDataConfig[].InputMode", way_out=_IN_MODE, allowed=_one_of("File", "FastFile")),
    Refusal(path="InputDataConfig[].ShuffleConfig", way_out="Shuffle in the training code."),
    Refusal(path="ResourceConfig.InstanceGroups", way_out="Use InstanceType and InstanceCount.", allowed=_one_of([])),
    Refusal(path="ResourceConfig.TrainingPlanArn", way_out=_REMOVE),
    Refusal(path="ResourceConfig.InstancePlacementConfig", way_out=_REMOVE),
    Refusal(path="ResourceConfig.InstancePreferences", way_out="Use InstanceType and InstanceCount."),
    Refusal(path="ResourceConfig.KeepAlivePeriodInSeconds", way_out="Use 0: no warm pools.", allowed=_one_of(0)),
    Refusal(path="StoppingCondition.MaxPendingTimeInSeconds", way_out="Leave it out: nothing waits for capacity."),
    Refusal(path="EnableNetworkIsolation", way_out="Use false.", allowed=_one_of(False)),
    Refusal(path="DebugHookConfig", way_out="Debugger is closed to new customers: leave it out."),
    Refusal(path="DebugRuleConfigurations", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(path="ProfilerRuleConfigurations", way_out=_REMOVE, allowed=_one_of([])),
    Refusal(
        path="ProfilerConfig",
        way_out="Set DisableProfiler to true and use torch.profiler.",
        allowed=lambda value: value.get("DisableProfiler") is True,
    ),
    Refusal(path="TensorBoardOutputConfig", way_out="Write to S3 from the training code."),
    Refusal(path="ExperimentConfig", way_out=_REMOVE, allowed=_one_of({})),
    Refusal(path="RemoteDebugConfig", way_out="Use false.", allowed=_disabled("EnableRemoteDebug")),
    Refusal(path="InfraCheckConfig", way_out="Use false.", allowed=_disabled("EnableInfraCheck")),
    Refusal(path="SessionChainingConfig", way_out="Use false.", allowed=_disabled("EnableSessionTagChaining")),
    Refusal(path="ServerlessJobConfig", way_out="Name an image in AlgorithmSpecification.TrainingImage."),
    Refusal(path="MlflowConfig", way_out=_REMOVE),
    Refusal(path="ModelPackageConfig", way_out="Register the model in a pipeline step."),
)
"""Fields of CreateTrainingJob. EnableInterContainerTrafficEncryption is accepted: packets never leave the machine."""

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
