"""Models: an image with model data, or a model package, and the role that reads it."""

import time
from typing import Any, Final

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.images import local_image
from trainyard.local.jobs.references import check_location, check_network, check_role
from trainyard.local.jobs.refusals import Refusal, refuse
from trainyard.local.model_data import PACKAGE

MODEL: Final = "model"
_RESOLVED = "Resolved"


def _single(value: object) -> bool:
    return value == "SingleModel"


def _refusals(container: str) -> tuple[Refusal, ...]:
    package = "Register the wanted specification as the package's InferenceSpecification."
    return (
        Refusal(path=f"{container}.Mode", way_out="Use SingleModel.", allowed=_single),
        Refusal(path=f"{container}.MultiModelConfig", way_out="Leave it out."),
        Refusal(path=f"{container}.ImageConfig", way_out="Leave it out: images are local environments."),
        Refusal(path=f"{container}.ModelDataSource", way_out="Name a model.tar.gz in ModelDataUrl."),
        Refusal(path=f"{container}.AdditionalModelDataSources", way_out="Put all files into one model.tar.gz."),
        Refusal(path=f"{container}.InferenceSpecificationName", way_out=package),
        Refusal(path=f"{container}.ContainerMetricsConfig", way_out="Leave it out."),
    )


_REFUSALS = (
    *_refusals("PrimaryContainer"),
    *_refusals("Containers[]"),
    Refusal(path="InferenceExecutionConfig", way_out="Leave it out: a model has one container."),
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
        field, container = _container(request)
        if "ExecutionRoleArn" not in request:
            raise invalid("ExecutionRoleArn: it is missing, but a role reads the model data. Name one.")
        check_role(self._context.platform, request["ExecutionRoleArn"])
        check_network(self._context.platform, "VpcConfig", request.get("VpcConfig"))
        document = {
            **request,
            "ModelArn": arn,
            "CreationTime": time.time(),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
            _RESOLVED: self._resolved(field, container),
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

    def _resolved(self, field: str, container: dict[str, Any]) -> dict[str, Any]:
        """Image, ModelDataUrl and Environment of a container, from its model package where it names one."""
        package = container.get("ModelPackageName")
        if package is None:
            found, place = container, field
        else:
            found, place = self._from_package(package, f"{field}.ModelPackageName"), f"{field}.ModelPackageName"
            if "Image" in container or "ModelDataUrl" in container:
                raise invalid(f"{field}: ModelPackageName excludes Image and ModelDataUrl. Give the one or the other.")
        for member in ("Image", "ModelDataUrl"):
            if member not in found:
                raise invalid(f"{place}: it has no {member}, but the model server needs it. Give one.")
        local_image(found["Image"], self._context.environments, f"{place}.Image")
        check_location(self._context.platform, f"{place}.ModelDataUrl", found["ModelDataUrl"])
        return {
            "Image": found["Image"],
            "ModelDataUrl": found["ModelDataUrl"],
            "Environment": {**found.get("Environment", {}), **container.get("Environment", {})},
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


def resolved(model: dict[str, Any]) -> dict[str, Any]:
    """Image, ModelDataUrl and Environment of a model's container."""
    found: dict[str, Any] = model[_RESOLVED]
    return found


def _container(request: Request) -> tuple[str, dict[str, Any]]:
    containers = request.get("Containers")
    if ("PrimaryContainer" in request) == (containers is not None):
        raise invalid("PrimaryContainer and Containers: one of them must be given. Give PrimaryContainer.")
    if containers is None:
        return "PrimaryContainer", request["PrimaryContainer"]
    if len(containers) != 1:
        raise invalid(
            f"Containers: got {len(containers)}, but the embedded cloud runs no inference pipelines. Give one."
        )
    return "Containers[0]", containers[0]
