"""What the platform puts into a host before its entrypoint starts, and reads after it ended.

Source: Amazon SageMaker Developer Guide, "How Amazon SageMaker AI provides training information" and "How Amazon
SageMaker Processing configures your processing container", read 2026-11.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainyard.local.jobs.cluster import Group, groups, hosts_of
from trainyard.local.jobs.hosts import Hosts

_MESSAGE_CHARACTERS = 1024


def write_training_files(hosts: Hosts, request: Mapping[str, Any]) -> None:
    """Writes hyperparameters.json, inputdataconfig.json and resourceconfig.json, and makes the empty folders."""
    default_mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    found = groups(request["ResourceConfig"])
    for host in range(len(hosts.names)):
        base = hosts.folder(host)
        for folder in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        config = base / "input" / "config"
        _write(config / "hyperparameters.json", request.get("HyperParameters", {}))
        channels = {
            channel["ChannelName"]: _channel(channel, default_mode)
            for channel in request.get("InputDataConfig", [])
            if host in hosts_of(found, _source(channel).get("InstanceGroupNames", []))
        }
        _write(config / "inputdataconfig.json", channels)
        _write(config / "resourceconfig.json", resource_config(hosts.names, host, found, hosts.interface))


def _source(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    return channel["DataSource"].get("S3DataSource") or {}


def _channel(channel: Mapping[str, Any], default_mode: str) -> dict[str, Any]:
    return {
        **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        "TrainingInputMode": channel.get("InputMode", default_mode),
        "S3DistributionType": _source(channel).get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }


def write_processing_files(hosts: Hosts, request: Mapping[str, Any], arn: str) -> None:
    """Writes processingjobconfig.json and resourceconfig.json, and makes the outputs' folders."""
    job = {"ProcessingJobArn": arn, **{key: value for key, value in request.items() if key != "Tags"}}
    cluster = request["ProcessingResources"]["ClusterConfig"]
    for host in range(len(hosts.names)):
        base = hosts.folder(host)
        for folder in ("config", "output", "processing/input", "processing/output"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        for output in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
            hosts.inside(host, output["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        _write(base / "config" / "processingjobconfig.json", job)
        _write(
            base / "config" / "resourceconfig.json",
            resource_config(hosts.names, host, groups(cluster), hosts.interface),
        )


def resource_config(names: Sequence[str], host: int, found: Sequence[Group], interface: str) -> dict[str, Any]:
    """resourceconfig.json of one host (number from 0)."""
    members = {group.name: hosts_of(found, [group.name]) for group in found}
    (mine,) = (group for group in found if host in members[group.name])
    return {
        "current_host": names[host],
        "current_instance_type": mine.instance_type,
        "current_group_name": mine.name,
        "hosts": list(names),
        "instance_groups": [
            {
                "instance_group_name": group.name,
                "instance_type": group.instance_type,
                "hosts": [names[member] for member in members[group.name]],
            }
            for group in found
        ],
        "network_interface_name": interface,
    }


def message(file: Path) -> str:
    """What a container left for the platform to pass on: the first 1,024 characters, or nothing."""
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_MESSAGE_CHARACTERS).strip()
    except OSError:
        return ""


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content))
