"""What can be scaled: instances of variants, their provisioned concurrency, and copies of inference components.

Source: RegisterScalableTarget, ResourceId and ScalableDimension (Application Auto Scaling API reference), read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Caller, Context, Request, Service

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"

_VARIANT = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
_COMPONENT = re.compile(r"inference-component/(?P<component>[^/]+)")
_FORMS = {INSTANCES: _VARIANT, CONCURRENCY: _VARIANT, COPIES: _COMPONENT}
_WRITTEN = {
    INSTANCES: "endpoint/NAME/variant/NAME",
    CONCURRENCY: "endpoint/NAME/variant/NAME",
    COPIES: "inference-component/NAME",
}
# "Auto scaling policy overview", prerequisites (SageMaker developer guide), read 2026-11.
_BURSTABLE = re.compile(r"ml\.t\d")
ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource and what of it is scaled."""

    id: str
    """ResourceId."""
    dimension: str
    """ScalableDimension."""
    names: Mapping[str, str]
    """endpoint and variant, or component."""

    @property
    def key(self) -> str:
        """Names it in the store."""
        return f"{self.id}|{self.dimension}"

    @property
    def metric_dimensions(self) -> dict[str, str]:
        """Dimensions of its own metrics."""
        if self.dimension == COPIES:
            return {"InferenceComponentName": self.names["component"]}
        return {"EndpointName": self.names["endpoint"], "VariantName": self.names["variant"]}


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a resource has now."""

    desired: int
    """What it should have."""
    settled: bool
    """Whether it has it, and takes another wish."""
    least: int
    """Lowest capacity that it may be given."""


def parse(request: Request) -> Resource:
    """The resource of a request.

    Raises:
        ServiceError: ValidationException, another service's, or a ResourceId of another form.
    """
    if request["ServiceNamespace"] != "sagemaker":
        raise invalid(
            f"ServiceNamespace: got {request['ServiceNamespace']!r}, but the embedded cloud scales sagemaker only."
        )
    dimension, given = request["ScalableDimension"], request["ResourceId"]
    form = _FORMS.get(dimension)
    if form is None:
        raise invalid(f"ScalableDimension: got {dimension!r}, but sagemaker has {', '.join(_FORMS)}.")
    match = form.fullmatch(given)
    if match is None:
        raise invalid(f"ResourceId: got {given!r}, but {dimension} wants {_WRITTEN[dimension]}.")
    return Resource(id=given, dimension=dimension, names=match.groupdict())


class Resources:
    """The resources as SageMaker has them."""

    def __init__(self, context: Context, sagemaker: Service) -> None:
        """Composes it."""
        self._sagemaker = sagemaker
        self.role = f"arn:aws:iam::{context.account}:role/{ROLE}"
        """The service-linked role that scales."""
        self._caller = Caller(account=context.account, region=context.region, arn=self.role)

    def capacity(self, resource: Resource) -> Capacity:
        """What a resource has now.

        Raises:
            ServiceError: ValidationException, it does not exist or does not scale in this dimension.
        """
        if resource.dimension == COPIES:
            return self._copies(resource)
        found = self._call("DescribeEndpoint", EndpointName=resource.names["endpoint"])
        rows = {row["VariantName"]: row for row in found.get("ProductionVariants", [])}
        row = rows.get(resource.names["variant"])
        if row is None:
            raise invalid(f"ResourceId: got {resource.id!r}, but the endpoint's variants are {', '.join(rows)}.")
        settled = found["EndpointStatus"] == "InService"
        serverless = row.get("CurrentServerlessConfig") or row.get("DesiredServerlessConfig")
        if resource.dimension == CONCURRENCY:
            wanted = (row.get("DesiredServerlessConfig") or serverless or {}).get("ProvisionedConcurrency")
            if wanted is None:
                raise invalid(f"ResourceId: {resource.id} has no provisioned concurrency to scale. Give it some first.")
            return Capacity(desired=wanted, settled=settled, least=1)
        if serverless:
            raise invalid(f"ScalableDimension: {resource.id} is serverless: only {CONCURRENCY} scales.")
        least = 0 if "AsyncInferenceConfig" in found else 1
        return Capacity(desired=row["DesiredInstanceCount"], settled=settled, least=least)

    def check_type(self, resource: Resource) -> None:
        """Refuses variants on instances that do not scale.

        Raises:
            ServiceError: ValidationException.
        """
        if resource.dimension != INSTANCES:
            return
        found = self._call("DescribeEndpoint", EndpointName=resource.names["endpoint"])
        config = self._call("DescribeEndpointConfig", EndpointConfigName=found["EndpointConfigName"])
        for row in config["ProductionVariants"]:
            kind = row.get("InstanceType", "")
            if row["VariantName"] == resource.names["variant"] and _BURSTABLE.match(kind):
                raise invalid(f"ResourceId: {resource.id} is on {kind}, but burstable instances do not scale.")

    def give(self, resource: Resource, capacity: int) -> None:
        """Asks for another capacity; the resource is not settled until it has it.

        Raises:
            ServiceError: ValidationException, the resource is busy or gone.
        """
        if resource.dimension == COPIES:
            name = resource.names["component"]
            wanted: dict[str, Any] = {"CopyCount": capacity}
            self._call(
                "UpdateInferenceComponentRuntimeConfig", InferenceComponentName=name, DesiredRuntimeConfig=wanted
            )
            return
        row: dict[str, Any] = {"VariantName": resource.names["variant"]}
        if resource.dimension == INSTANCES:
            row["DesiredInstanceCount"] = capacity
        else:
            found = self._call("DescribeEndpoint", EndpointName=resource.names["endpoint"])
            mine = next(each for each in found["ProductionVariants"] if each["VariantName"] == row["VariantName"])
            most = mine["CurrentServerlessConfig"]["MaxConcurrency"]
            row["ServerlessUpdateConfig"] = {"MaxConcurrency": most, "ProvisionedConcurrency": capacity}
        self._call(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName=resource.names["endpoint"],
            DesiredWeightsAndCapacities=[row],
        )

    def _copies(self, resource: Resource) -> Capacity:
        found = self._call("DescribeInferenceComponent", InferenceComponentName=resource.names["component"])
        settled = found["InferenceComponentStatus"] == "InService"
        return Capacity(desired=found["RuntimeConfig"]["DesiredCopyCount"], settled=settled, least=0)

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            return self._sagemaker.call(operation, request, self._caller)
        except ServiceError as error:
            raise invalid(error.message) from error
