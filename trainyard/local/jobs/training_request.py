"""What is checked of CreateTrainingJob before a job is made of it."""

import re
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import invalid, unsupported
from trainyard.local.api.service import Context
from trainyard.local.images import local_image
from trainyard.local.jobs import cluster
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs.hosts import isolation
from trainyard.local.jobs.inputs import directory
from trainyard.local.jobs.references import (
    check_key,
    check_location,
    check_network,
    check_path,
    check_role,
    check_unique,
)
from trainyard.local.jobs.refusals import TRAINING, refuse
from trainyard.local.pulling import check_job

MAX_HOSTS = 16
"""Hosts that one machine can reasonably stand for."""


def check_training(request: Mapping[str, Any], context: Context) -> None:
    """Refuses what AWS would refuse, what this cloud does not run, and what does not exist.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    refuse(request, TRAINING)
    platform = context.platform
    algorithm = request["AlgorithmSpecification"]
    for field, wanted in (
        ("TrainingImage", "an image"),
        ("ContainerEntrypoint", "an entrypoint: local images have none of their own"),
    ):
        if field not in algorithm:
            raise invalid(f"AlgorithmSpecification.{field}: got nothing, but a job needs {wanted}. Give {field}.")
    local_image(algorithm["TrainingImage"], context.environments, "AlgorithmSpecification.TrainingImage")
    _check_metrics(algorithm.get("MetricDefinitions", []))
    cluster.check(request, MAX_HOSTS)
    _check_times(request)
    check_role(platform, request["RoleArn"])
    check_job(context.missing, algorithm["TrainingImage"], request["RoleArn"])
    check_network(platform, "VpcConfig", request.get("VpcConfig"))
    if request.get("EnableNetworkIsolation") and isolation(context.isolation) == "processes":
        way_out = "Hosts are plain processes here, with this machine's network: run the cloud as root, or use false."
        raise unsupported("EnableNetworkIsolation", True, way_out)
    channels = request.get("InputDataConfig", [])
    check_unique("InputDataConfig[].ChannelName", [channel["ChannelName"] for channel in channels])
    for index, channel in enumerate(channels):
        _check_channel(request, context, f"InputDataConfig[{index}]", channel)
    output = request["OutputDataConfig"]
    check_location(platform, "OutputDataConfig.S3OutputPath", output["S3OutputPath"])
    check_key(platform, "OutputDataConfig.KmsKeyId", output.get("KmsKeyId"))
    check_key(platform, "ResourceConfig.VolumeKmsKeyId", request["ResourceConfig"].get("VolumeKmsKeyId"))
    tensorboard = request.get("TensorBoardOutputConfig")
    if tensorboard:
        check_location(platform, "TensorBoardOutputConfig.S3OutputPath", tensorboard["S3OutputPath"])
        path = tensorboard.get("LocalPath", "/opt/ml/output/tensorboard")
        check_path("TensorBoardOutputConfig.LocalPath", path)
    checkpoints = request.get("CheckpointConfig")
    if checkpoints:
        check_location(platform, "CheckpointConfig.S3Uri", checkpoints["S3Uri"])
        check_path("CheckpointConfig.LocalPath", checkpoints.get("LocalPath", "/opt/ml/checkpoints"))


def _check_channel(request: Mapping[str, Any], context: Context, field: str, channel: Mapping[str, Any]) -> None:
    mode = channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"])
    system = channel["DataSource"].get("FileSystemDataSource")
    source = channel["DataSource"].get("S3DataSource")
    if (system is None) == (source is None):
        raise invalid(f"{field}.DataSource.S3DataSource: got {'both' if system else 'nothing'}, but a channel has one "
                      "source. Give an S3DataSource or a FileSystemDataSource.")  # fmt: skip
    if "ShuffleConfig" in channel and mode != "Pipe":
        raise unsupported(f"{field}.ShuffleConfig", mode, "Files have no order: use Pipe, or shuffle in the program.")
    if source:
        check_location(context.platform, f"{field}.DataSource.S3DataSource.S3Uri", source["S3Uri"])
        if source["S3DataType"] == "ManifestFile" and mode == "FastFile":
            raise invalid(f"{field}.DataSource.S3DataSource.S3DataType: got 'ManifestFile', but FastFile knows "
                          "prefixes only. Use S3Prefix, or File or Pipe.")  # fmt: skip
        return
    assert system
    if not request.get("VpcConfig"):
        raise invalid(f"{field}.DataSource.FileSystemDataSource: got {system['FileSystemId']!r}, but a job reaches a "
                      "file system through its VPC only. Give a VpcConfig.")  # fmt: skip
    folder = directory(context.state, system)
    if not folder.is_dir() or ".." in folder.parts:
        raise invalid(f"{field}.DataSource.FileSystemDataSource: got {system['FileSystemId']!r} and "
                      f"{system['DirectoryPath']!r}, but nothing stands for it. Make the folder {folder}.")  # fmt: skip


def _check_times(request: Mapping[str, Any]) -> None:
    condition = request.get("StoppingCondition", {})
    longest = condition.get("MaxRuntimeInSeconds", document.DEFAULT_MAX_RUNTIME_SECONDS)
    wait = condition.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise invalid(
                f"StoppingCondition.MaxWaitTimeInSeconds: got {wait}, but it is for managed spot training only. "
                "Leave it out, or set EnableManagedSpotTraining."
            )
        return
    if wait is None or wait < longest:
        raise invalid(
            f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds. "
            f"StoppingCondition.MaxWaitTimeInSeconds: got {wait}, MaxRuntimeInSeconds is {longest}."
        )


def _check_metrics(definitions: list[dict[str, str]]) -> None:
    for index, definition in enumerate(definitions):
        field = f"AlgorithmSpecification.MetricDefinitions[{index}].Regex"
        try:
            groups = re.compile(definition["Regex"]).groups
        except re.error as error:
            raise invalid(
                f"{field}: got {definition['Regex']!r}, but that is no regular expression ({error}). Correct it."
            ) from error
        if groups < 1:
            raise invalid(
                f"{field}: got {definition['Regex']!r}, but its first group is the value. Put it in parentheses."
            )
