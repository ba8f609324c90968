"""Models: an image with model data, or a model package, and the role that reads it."""

import time
from collections.abc import Mapping
from typing import Any, Final

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.images import local_image
from trainyard.local.jobs.references import check_location, check_network, check_role, check_unique
from trainyard.local.jobs.refusals import Refusal, refuse
from trainyard.local.model_data import PACKAGE
from trainyard.local.pulling import check_model

MODEL: Final = "model"
_RESOLVED = "Resolved"
_CONTAINERS = 15
"""Containers of a model at most: CreateModel, Containers, read 2026-11."""


def _refusals(container: str) -> tuple[Refusal, ...]:
    package = "Register the wanted specification as the package's InferenceSpecification."
    return (
        Refusal(path=f"{container}.ImageConfig", way_out="Leave it out: images are local environments."),
        Refusal(path=f"{container}.ModelDataSource.S3DataSource.ModelAccessConfig", way_out="Leave it out."),
        Refusal(path=f"{container}.ModelDataSource.S3DataSource.HubAccessConfig", way_out="Name objects of a bucket."),
        Refusal(path=f"{container}.ModelDataSource.S3DataSource.ManifestS3Uri", way_out="Name a prefix in S3Uri."),
        Refusal(path=f"{container}.AdditionalModelDataSources", way_out="Put all files into one model.tar.gz."),
        Refusal(path=f"{container}.InferenceSpecificationName", way_out=package),
        Refusal(path=f"{container}.ContainerMetricsConfig", way_out="Leave it out."),
    )


_REFUSALS = (
    *_refusals("PrimaryContainer"),
    *_refusals("Containers[]"),
)


class Models:
    """CreateModel, DescribeModel, ListModels, DeleteModel."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._context = context

    @operation("CreateModel")
    def create_model(self, request: Request, _: Caller) -> Answer:
        """Creates a model; whether its data can be read is found out when an endpoint starts it."""
        refuse(request, _REFUSALS)
        name = request["ModelName"]
        arn = self._context.arn(f"{MODEL}/{name}")
        containers = _containers(request)
        if "ExecutionRoleArn" not in request:
            raise invalid("ExecutionRoleArn: it is missing, but a role reads the model data. Name one.")
        check_role(self._context.platform, request["ExecutionRoleArn"])
        check_network(self._context.platform, "VpcConfig", request.get("VpcConfig"))
        document = {
            **request,
            "ModelArn": arn,
            "CreationTime": time.time(),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
            _RESOLVED: [self._resolved(field, hostname, container) for field, hostname, container in containers],
        }
        try:
            self._context.store.insert(MODEL, name, document)
        except ServiceError as error:
            raise invalid(f'Cannot create already existing model "{arn}".') from error
        return {"ModelArn": arn}

    @operation("DescribeModel")
    def describe_model(self, request: Request, _: Caller) -> Answer:
        """A model."""
        return find_model(self._context, request["ModelName"])

    @operation("ListModels")
    def list_models(self, request: Request, _: Caller) -> Answer:
        """Models, newest first unless the request says otherwise."""
        chosen = select(self._context.store.list(MODEL), {"SortOrder": "Descending", **request}, name="ModelName")
        return page(chosen, request, "Models", identity="ModelArn")

    @operation("DeleteModel")
    def delete_model(self, request: Request, _: Caller) -> Answer:
        """Deletes a model; endpoints that run it go on, for they have its data."""
        name = find_model(self._context, request["ModelName"])["ModelName"]
        self._context.store.delete(MODEL, name)
        return {}

    def _resolved(self, field: str, hostname: str, container: dict[str, Any]) -> dict[str, Any]:
        """What a container is made of, some of it from its model package where it names one."""
        package = container.get("ModelPackageName")
        if package is None:
            found, place = container, field
        else:
            found, place = self._from_package(package, f"{field}.ModelPackageName"), f"{field}.ModelPackageName"
            if "Image" in container or "ModelDataUrl" in container:
                raise invalid(f"{field}: ModelPackageName excludes Image and ModelDataUrl. Give the one or the other.")
        if "Image" not in found:
            raise invalid(f"{place}: it has no Image, but the model server needs it. Give one.")
        image = local_image(found["Image"], self._context.environments, f"{place}.Image")
        check_model(self._context.missing, found["Image"])
        mode = container.get("Mode", "SingleModel")
        if "MultiModelConfig" in container and mode != "MultiModel":
            raise invalid(f"{field}.MultiModelConfig: it belongs to Mode MultiModel, but Mode is {mode}. Leave it out.")
        data, tree = _data(found, place)
        if data is not None:
            check_location(self._context.platform, f"{place}.ModelDataUrl", data)
        elif not image.serves_alone or mode == "MultiModel":
            raise invalid(f"{place}: it has no ModelDataUrl, but the model server needs it. Give one.")
        if tree and mode == "MultiModel":
            raise invalid(f"{place}.ModelDataSource: a container of many models takes archives. Give ModelDataUrl.")
        return {
            "ContainerHostname": hostname,
            "Image": found["Image"],
            "ModelDataUrl": data,
            "Uncompressed": tree,
            "Environment": {**found.get("Environment", {}), **container.get("Environment", {})},
            "Mode": mode,
            "ModelCacheSetting": container.get("MultiModelConfig", {}).get("ModelCacheSetting", "Enabled"),
        }

    def _from_package(self, name_or_arn: str, field: str) -> dict[str, Any]:
        arn = name_or_arn if name_or_arn.startswith("arn:") else self._context.arn(f"{PACKAGE}/{name_or_arn}")
        package = self._context.store.get(PACKAGE, arn)
        if package is None:
            raise invalid(f"{field}: ModelPackage {arn} does not exist.")
        if package["ModelPackageStatus"] not in ("Completed", "Pending", "InProgress"):
            raise invalid(f"{field}: the model package {arn} is {package['ModelPackageStatus']}. Register it again.")
        containers = package.get("InferenceSpecification", {}).get("Containers", [])
        if len(containers) != 1:
            raise invalid(f"{field}: the package has {len(containers)} containers, but the embedded cloud runs one.")
        container: dict[str, Any] = containers[0]
        return container


def find_model(context: Context, name: str) -> dict[str, Any]:
    """A model's document.

    Raises:
        ServiceError: ValidationException, in AWS's words.
    """
    found = context.store.get(MODEL, name)
    if found is None:
        raise invalid(f'Could not find model "{context.arn(f"{MODEL}/{name}")}".')
    return found


def resolved(model: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, image, data, environment, mode and cache setting of a model's containers."""
    found: list[dict[str, Any]] = model[_RESOLVED]
    return found


def _data(container: Mapping[str, Any], place: str) -> tuple[str | None, bool]:
    """Where a container's data is, and whether it is every object below that prefix, instead of one archive."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if source is None:
        return container.get("ModelDataUrl"), False
    field = f"{place}.ModelDataSource.S3DataSource"
    if "ModelDataUrl" in container:
        raise invalid(f"{place}: ModelDataUrl and ModelDataSource exclude each other. Give one.")
    kind, compression, uri = source["S3DataType"], source["CompressionType"], source["S3Uri"]
    if (kind, compression) not in (("S3Prefix", "None"), ("S3Object", "Gzip")):
        raise invalid(
            f"{field}: got S3DataType {kind} with CompressionType {compression}, but the embedded cloud takes S3Prefix "
            "with None, and S3Object with Gzip. Give one of these."
        )
    if kind == "S3Prefix" and not uri.endswith("/"):
        raise invalid(f"{field}.S3Uri: got {uri!r}, but a prefix ends with a slash. Add it.")
    return uri, kind == "S3Prefix"


def _containers(request: Request) -> list[tuple[str, str, dict[str, Any]]]:
    """Field, name and definition of each container."""
    containers = request.get("Containers")
    if ("PrimaryContainer" in request) == (containers is not None):
        raise invalid("PrimaryContainer and Containers: one of them must be given. Give PrimaryContainer.")
    if containers is None or len(containers) == 1:
        if "InferenceExecutionConfig" in request:
            raise invalid("InferenceExecutionConfig: the model has one container, with which it decides nothing.")
        field = "PrimaryContainer" if containers is None else "Containers[0]"
        return [(field, "primary", request["PrimaryContainer"] if containers is None else containers[0])]
    if not 2 <= len(containers) <= _CONTAINERS:
        raise invalid(f"Containers: got {len(containers)}, but a model has 1 to {_CONTAINERS}. Give as many.")
    many = [index for index, container in enumerate(containers) if container.get("Mode") == "MultiModel"]
    if many:
        raise invalid(
            f"Containers[{many[0]}].Mode: got 'MultiModel', but the embedded cloud runs containers of many models "
            "alone. Give PrimaryContainer."
        )
    names = [container.get("ContainerHostname", f"container-{1 + index}") for index, container in enumerate(containers)]
    check_unique("Containers[].ContainerHostname", names)
    direct = request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct"
    if direct and any("ContainerHostname" not in container for container in containers):
        raise invalid(
            "Containers[].ContainerHostname: InferenceExecutionConfig is Direct, for which requests name a container. "
            "Give every container a name."
        )
    return [(f"Containers[{index}]", names[index], container) for index, container in enumerate(containers)]
