"""Which resources, roles and condition keys a SageMaker request names.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker AI", 2026-11.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Member of a request -> resource type in the ARN.
_NAMED = {
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "PipelineName": "pipeline",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": "model-package",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
    "PipelineExecutionArn": "pipeline-execution",
    "ComputeQuotaId": "compute-quota",
    "ClusterSchedulerConfigId": "cluster-scheduler-config",
    "ResourceArn": "",
}
# Operations that make what has no name before it exists: policies name all of the kind.
_UNNAMED = {
    "CreateComputeQuota": "compute-quota",
    "CreateClusterSchedulerConfig": "cluster-scheduler-config",
}
# Operations that are authorised on more or other resources than the first member that names one.
_MEMBERS = {
    "CreateEndpoint": ("EndpointName", "EndpointConfigName"),
    "UpdateEndpoint": ("EndpointName", "EndpointConfigName"),
    "CreateEndpointConfig": ("EndpointConfigName",),
}
_LISTS = frozenset(
    {"ListModelPackages", "ListPipelineExecutions", "ListPipelineExecutionSteps", "ListTags", "ListClusterNodes",
     "ListClusterEvents"}
)  # fmt: skip
_LISTED = frozenset({"InstanceTypes", "VpcSecurityGroupIds", "VpcSubnets"})
"""Condition keys of several values; an operator without ForAllValues or ForAnyValue matches the others only."""
INVOCATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
"""Last part of an invocation's path → operation and action."""
_ROLES = ("RoleArn", "ExecutionRoleArn")
_cluster_arns: list[Callable[[str], str | None]] = []


def name_clusters(arn_of: Callable[[str], str | None]) -> None:
    """Says how a cluster's ARN is found by its name: it ends in an id, and policies name it so."""
    _cluster_arns[:] = [arn_of]


def resources(operation: str, request: Mapping[str, Any], region: str, account: str) -> list[str]:
    """ARNs that an operation is authorised on, at least one: `*` when it takes no resource."""
    if operation.startswith("List") and operation not in _LISTS:
        return ["*"]
    prefix = f"arn:aws:sagemaker:{region}:{account}"
    if operation == "CreateModelPackage" and isinstance(request.get("ModelPackageGroupName"), str):
        # A version of a group has no name before it exists: policies name all versions of the group.
        return [f"{prefix}:model-package/{_last(request['ModelPackageGroupName'])}/*"]
    if operation in _UNNAMED:
        return [f"{prefix}:{_UNNAMED[operation]}/*"]
    if isinstance(request.get("ClusterName"), str):
        return [_cluster(prefix, request["ClusterName"])]
    members = _MEMBERS.get(operation) or [member for member in _NAMED if isinstance(request.get(member), str)][:1]
    found = [
        _arn(prefix, _NAMED[member], request[member]) for member in members if isinstance(request.get(member), str)
    ]
    return found or ["*"]


def passed_roles(request: Mapping[str, Any]) -> list[str]:
    """Roles that the caller hands to the service, for which it needs iam:PassRole."""
    groups = request.get("InstanceGroups")
    parts = [request, *(group for group in (groups if isinstance(groups, list) else ()) if isinstance(group, Mapping))]
    members = (*_ROLES, "ExecutionRole")
    return [part[member] for part in parts for member in members if isinstance(part.get(member), str)]


def condition_keys(request: Mapping[str, Any]) -> dict[str, Any]:
    """The service's condition keys that a request has values for."""
    keys = {name: [value for value in values if value is not None] for name, values in _keys(request)}
    return {
        f"sagemaker:{name}": values if name in _LISTED else values[0] for name, values in keys.items() if values
    }  # fmt: skip


def invocation(path: str) -> tuple[str | None, str | None]:
    """The action and the endpoint of an invocation that a path asks for, or None and None."""
    match path.strip("/").split("/"):
        case ["endpoints", name, kind] if kind in INVOCATIONS:
            return INVOCATIONS[kind], urllib.parse.unquote(name)
    return None, None


def _keys(request: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    clusters = [_part(request, "ResourceConfig"), _part(request, "ProcessingResources", "ClusterConfig")]
    variants = [variant for variant in request.get("ProductionVariants") or [] if isinstance(variant, Mapping)]
    networks = [_part(request, "VpcConfig"), _part(request, "NetworkConfig", "VpcConfig")]
    outputs = [_part(request, "OutputDataConfig"), _part(request, "ProcessingOutputConfig")]
    flags = [request, _part(request, "NetworkConfig")]
    yield "InstanceTypes", [part.get("InstanceType") for part in [*clusters, *variants]]
    yield "VolumeKmsKey", [part.get("VolumeKmsKeyId") for part in clusters] + [request.get("KmsKeyId")]
    yield "OutputKmsKey", [part.get("KmsKeyId") for part in outputs]
    yield "VpcSubnets", [subnet for network in networks for subnet in network.get("Subnets") or []]
    yield "VpcSecurityGroupIds", [group for network in networks for group in network.get("SecurityGroupIds") or []]
    yield "NetworkIsolation", [_flag(part.get("EnableNetworkIsolation")) for part in flags]
    yield (
        "InterContainerTrafficEncryption",
        [_flag(part.get("EnableInterContainerTrafficEncryption")) for part in flags],
    )
    yield "MaxRuntimeInSeconds", [_part(request, "StoppingCondition").get("MaxRuntimeInSeconds")]


def _part(request: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    part: Any = request
    for name in names:
        part = part.get(name) if isinstance(part, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _flag(value: object) -> str | None:
    return None if value is None else str(value).lower()


def _cluster(prefix: str, name_or_arn: str) -> str:
    """A cluster's ARN; of one that is to be created, or is not there, all that there may be."""
    if name_or_arn.startswith("arn:"):
        return name_or_arn
    found = next((arn for arn_of in _cluster_arns if (arn := arn_of(name_or_arn))), None)
    return found or f"{prefix}:cluster/*"


def _last(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _arn(prefix: str, kind: str, name_or_arn: str) -> str:
    return name_or_arn if name_or_arn.startswith("arn:") else f"{prefix}:{kind}/{name_or_arn}"
