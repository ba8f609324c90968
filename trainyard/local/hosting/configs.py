"""Endpoint configurations: which models an endpoint serves, on how many instances, with which share of requests."""

import time
from collections.abc import Iterator
from typing import Any, Final

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.hosting.config_kinds import check_kinds
from trainyard.local.hosting.models import find_model
from trainyard.local.jobs.references import check_key, check_network, check_role, check_unique
from trainyard.local.jobs.refusals import Refusal, refuse

CONFIG: Final = "endpoint-config"
ENDPOINT: Final = "endpoint"
MAXIMUM_INSTANCES = 8
"""Instances of a variant that the embedded cloud runs: each is a model server of this machine."""

_REAL_TIME = "Give InstanceType and InitialInstanceCount, or ServerlessConfig."


def _off(value: object) -> bool:
    return value is False


def _routing(value: Any) -> bool:
    return value.get("RoutingStrategy") in ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")


_VARIANT = "ProductionVariants[]"
_REFUSALS = (
    Refusal(path="ExplainerConfig", way_out="Leave it out."),
    Refusal(path="MetricsConfig", way_out="Leave it out."),
    Refusal(path=f"{_VARIANT}.InstancePools", way_out=_REAL_TIME),
    Refusal(path=f"{_VARIANT}.AcceleratorType", way_out="Leave it out."),
    Refusal(path=f"{_VARIANT}.CoreDumpConfig", way_out="Leave it out."),
    Refusal(path=f"{_VARIANT}.EnableSSMAccess", way_out="Leave it out.", allowed=_off),
    Refusal(
        path=f"{_VARIANT}.ManagedInstanceScaling.ScaleInPolicy.Strategy",
        way_out="Use IDLE_RELEASE.",
        allowed=lambda value: value == "IDLE_RELEASE",
    ),
    Refusal(path=f"{_VARIANT}.CapacityReservationConfig", way_out="Leave it out."),
    Refusal(path=f"{_VARIANT}.RoutingConfig", way_out="Use LEAST_OUTSTANDING_REQUESTS or RANDOM.", allowed=_routing),
)


class Configs:
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._context = context

    @operation("CreateEndpointConfig")
    def create_config(self, request: Request, _: Caller) -> Answer:
        """Creates an endpoint configuration."""
        refuse(request, _REFUSALS)
        check_key(self._context.platform, "KmsKeyId", request.get("KmsKeyId"))
        variants = request["ProductionVariants"]
        check_unique("ProductionVariants", [variant["VariantName"] for variant in variants])
        for index, variant in enumerate(variants):
            self._check_variant(variant, f"ProductionVariants[{index}]")
        for index, variant in enumerate(request.get("ShadowProductionVariants", [])):
            self._check_variant(variant, f"ShadowProductionVariants[{index}]")
        self._check_hosts(request)
        check_kinds(self._context, request)
        if not any(variant.get("InitialVariantWeight", 1.0) for variant in variants):
            raise invalid("ProductionVariants: every InitialVariantWeight is 0. Give one variant a weight.")
        name = request["EndpointConfigName"]
        arn = self._context.arn(f"{CONFIG}/{name}")
        document = {
            **request,
            "ProductionVariants": [{"InitialVariantWeight": 1.0, **variant} for variant in variants],
            "EndpointConfigArn": arn,
            "CreationTime": time.time(),
        }
        try:
            self._context.store.insert(CONFIG, name, document)
        except ServiceError as error:
            raise invalid(f'Cannot create already existing endpoint configuration "{arn}".') from error
        return {"EndpointConfigArn": arn}

    @operation("DescribeEndpointConfig")
    def describe_config(self, request: Request, _: Caller) -> Answer:
        """An endpoint configuration."""
        return find_config(self._context, request["EndpointConfigName"])

    @operation("ListEndpointConfigs")
    def list_configs(self, request: Request, _: Caller) -> Answer:
        """Endpoint configurations, newest first unless the request says otherwise."""
        wanted = {"SortOrder": "Descending", **request}
        chosen = select(self._context.store.list(CONFIG), wanted, name="EndpointConfigName")
        return page(chosen, request, "EndpointConfigs", identity="EndpointConfigArn")

    @operation("DeleteEndpointConfig")
    def delete_config(self, request: Request, _: Caller) -> Answer:
        """Deletes an endpoint configuration that no endpoint uses."""
        config = find_config(self._context, request["EndpointConfigName"])
        name = config["EndpointConfigName"]
        for user in self._users(name):
            raise invalid(
                f'Cannot delete endpoint configuration "{config["EndpointConfigArn"]}": the endpoint {user!r} uses it. '
                "Delete or update the endpoint first."
            )
        self._context.store.delete(CONFIG, name)
        return {}

    def _check_variant(self, variant: dict[str, Any], field: str) -> None:
        if "ModelName" in variant:
            find_model(self._context, variant["ModelName"])
        if "ServerlessConfig" in variant:
            return
        for member in ("InstanceType", "InitialInstanceCount"):
            if member not in variant:
                raise invalid(f"{field}.{member}: it is missing. {_REAL_TIME}")
        count = variant["InitialInstanceCount"]
        if count > MAXIMUM_INSTANCES:
            raise invalid(
                f"{field}.InitialInstanceCount: got {count}, but the embedded cloud runs at most {MAXIMUM_INSTANCES} "
                "model servers a variant. Give fewer."
            )

    def _check_hosts(self, request: Request) -> None:
        """Variants without a model host inference components: the configuration names role and network for them."""
        hosts = [variant for variant in request["ProductionVariants"] if "ModelName" not in variant]
        if hosts and len(hosts) < len(request["ProductionVariants"]):
            raise invalid(
                f"ProductionVariants: {hosts[0]['VariantName']} has no ModelName, but others have one. Give every "
                "variant a model, or none, which then host inference components."
            )
        for index, variant in enumerate(request["ProductionVariants"]):
            _check_managed(variant, f"ProductionVariants[{index}].ManagedInstanceScaling")
        if hosts and "ExecutionRoleArn" not in request:
            raise invalid("ExecutionRoleArn: it is missing, but inference components need a role. Name one.")
        if hosts:
            check_role(self._context.platform, request["ExecutionRoleArn"])
            check_network(self._context.platform, "VpcConfig", request.get("VpcConfig"))
            return
        for field in ("ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation"):
            if request.get(field):
                raise invalid(f"{field}: every variant has a model, whose own counts. Leave it out.")

    def _users(self, name: str) -> Iterator[str]:
        for endpoint in self._context.store.list(ENDPOINT):
            if name in (endpoint["EndpointConfigName"], (endpoint["Pending"] or {}).get("config")):
                yield endpoint["EndpointName"]


def _check_managed(variant: dict[str, Any], field: str) -> None:
    """The range in which instances follow the copies of inference components."""
    managed = variant.get("ManagedInstanceScaling")
    if not managed:
        return
    if "ModelName" in variant:
        raise invalid(f"{field}: the variant has a model, but only inference components move instances. Leave it out.")
    low = managed.get("MinInstanceCount", 1)
    high = managed.get("MaxInstanceCount", MAXIMUM_INSTANCES)
    count = variant["InitialInstanceCount"]
    if not low <= count <= high:
        raise invalid(
            f"{field}: InitialInstanceCount {count} does not lie between MinInstanceCount {low} and MaxInstanceCount "
            f"{high}. Change one of them."
        )


def find_config(context: Context, name: str) -> dict[str, Any]:
    """An endpoint configuration's document.

    Raises:
        ServiceError: ValidationException, in AWS's words.
    """
    found = context.store.get(CONFIG, name)
    if found is None:
        raise invalid(f'Could not find endpoint configuration "{context.arn(f"{CONFIG}/{name}")}".')
    return found
