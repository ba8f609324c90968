"""Endpoints: the operations on them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.hosting.configs import ENDPOINT, find_config
from trainyard.local.hosting.deployment import Deployment, describe
from trainyard.local.hosting.lifecycle import SERVING, Lifecycle
from trainyard.local.hosting.plan import Plan, make_plan
from trainyard.local.jobs.refusals import Refusal, refuse

_BUSY = ("Creating", "Updating", "RollingBack", "Deleting")


def _at_once(value: object) -> bool:
    return value == "ALL_AT_ONCE"


_SHIFT = "Use ALL_AT_ONCE: the new variants get all requests when they are healthy."
_REFUSALS = (
    Refusal(path="DeploymentConfig.RollingUpdatePolicy", way_out=_SHIFT),
    Refusal(path="DeploymentConfig.AutoRollbackConfiguration", way_out="Leave it out: no alarms are watched."),
    Refusal(
        path="DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration.Type",
        way_out=_SHIFT,
        allowed=_at_once,
    ),
    Refusal(path="RetainDeploymentConfig", way_out="Leave it out.", allowed=lambda value: value is False),
)


class Endpoints:
    """CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, Delete."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._context = context
        self._store = context.store
        self._endpoints = Lifecycle(context)

    @contextmanager
    def serving(self, name: str) -> Iterator[Deployment]:
        """What serves an endpoint now; it does not end while the block lasts.

        Raises:
            ServiceError: ValidationError when nothing does, ServiceUnavailable while the cloud starts it again.
        """
        with self._endpoints.answering(name) as live:
            if live is None:
                endpoint = self._context.store.get(ENDPOINT, name)
                if endpoint and endpoint["Plan"] and endpoint["EndpointStatus"] in SERVING:
                    raise ServiceError(
                        "ServiceUnavailable", f"Endpoint {name} is being started again. Try again soon.", 503
                    )
                raise ServiceError("ValidationError", f"Endpoint {name} of account {self._context.account} not found.")
            yield live

    def start(self) -> None:
        """Serves again what was in service when the cloud went down, and finishes what it was about to do."""
        self._endpoints.start()

    def stop(self) -> None:
        """Ends every model server; the endpoints stay as they are for the next start."""
        self._endpoints.stop()

    @operation("CreateEndpoint")
    def create_endpoint(self, request: Request, _: Caller) -> Answer:
        """Creates an endpoint, which is InService when its model servers answer."""
        refuse(request, _REFUSALS)
        name = request["EndpointName"]
        arn = self._context.arn(f"{ENDPOINT}/{name}")
        config = find_config(self._context, request["EndpointConfigName"])
        plan = make_plan(self._context, config, {})
        now = time.time()
        document = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": plan.config,
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            "Tags": request.get("Tags", []),
            "Plan": None,
            "Pending": plan.to_json(),
        }
        try:
            self._store.insert(ENDPOINT, name, document)
        except ServiceError as error:
            raise invalid(f'Cannot create already existing endpoint "{arn}".') from error
        self._endpoints.create(name, plan)
        return {"EndpointArn": arn}

    @operation("DescribeEndpoint")
    def describe_endpoint(self, request: Request, _: Caller) -> Answer:
        """An endpoint."""
        endpoint = self._endpoint(request["EndpointName"])
        name = endpoint["EndpointName"]
        live, coming = self._endpoints.live(name), self._endpoints.coming(name)
        shown = dict(endpoint)
        if endpoint["Plan"]:
            shown["ProductionVariants"] = describe(Plan.from_json(endpoint["Plan"]), live)
        elif endpoint["Pending"]:
            shown["ProductionVariants"] = describe(Plan.from_json(endpoint["Pending"]), coming)
        if endpoint["Plan"] and endpoint["Pending"]:
            pending = Plan.from_json(endpoint["Pending"])
            types = {variant.name: variant.instance_type for variant in pending.variants}
            shown["PendingDeploymentSummary"] = {
                "EndpointConfigName": pending.config,
                "ProductionVariants": [
                    {**variant, "InstanceType": types[variant["VariantName"]]} for variant in describe(pending, coming)
                ],
                "StartTime": endpoint["LastModifiedTime"],
            }
        return shown

    @operation("ListEndpoints")
    def list_endpoints(self, request: Request, _: Caller) -> Answer:
        """Endpoints, newest first unless the request says otherwise."""
        wanted = {"SortOrder": "Descending", **request}
        chosen = select(self._store.list(ENDPOINT), wanted, name="EndpointName", status="EndpointStatus")
        return page(chosen, request, "Endpoints", identity="EndpointArn")

    @operation("UpdateEndpoint")
    def update_endpoint(self, request: Request, _: Caller) -> Answer:
        """Serves another configuration: the old one until the new one is healthy, and for good when it never is."""
        refuse(request, _REFUSALS)
        config = find_config(self._context, request["EndpointConfigName"])
        endpoint = self._endpoint(request["EndpointName"])
        plan = make_plan(self._context, config, _retained(request, endpoint))
        endpoint = self._change(request["EndpointName"], "update", "Updating", Pending=plan.to_json())
        name = endpoint["EndpointName"]
        self._endpoints.update(name, plan)
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation("UpdateEndpointWeightsAndCapacities")
    def update_weights(self, request: Request, _: Caller) -> Answer:
        """Gives variants other shares of the requests."""
        endpoint = self._endpoint(request["EndpointName"])
        plan = endpoint["Plan"] or {"variants": []}
        known = {variant["name"]: variant for variant in plan["variants"]}
        for index, wanted in enumerate(request["DesiredWeightsAndCapacities"]):
            field = f"DesiredWeightsAndCapacities[{index}]"
            variant = known.get(wanted["VariantName"])
            if variant is None:
                raise invalid(f"{field}.VariantName: got {wanted['VariantName']!r}, but there is {', '.join(known)}.")
            if wanted.get("DesiredInstanceCount", variant["count"]) != variant["count"]:
                raise invalid(
                    f"{field}.DesiredInstanceCount: got {wanted['DesiredInstanceCount']}, but {variant['count']} run "
                    "and the embedded cloud does not scale. Update the endpoint with another configuration."
                )
            if "ServerlessUpdateConfig" in wanted:
                raise invalid(f"{field}.ServerlessUpdateConfig: the variant is not serverless. Leave it out.")
            variant["weight"] = wanted.get("DesiredWeight", variant["weight"])
        if not any(variant["weight"] for variant in known.values()):
            raise invalid("DesiredWeightsAndCapacities: every weight would be 0. Give one variant a weight.")
        self._change(request["EndpointName"], "update", endpoint["EndpointStatus"], Plan=plan)
        live = self._endpoints.live(endpoint["EndpointName"])
        for running in live.variants if live else ():
            running.weight = known[running.plan.name]["weight"]
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation("DeleteEndpoint")
    def delete_endpoint(self, request: Request, _: Caller) -> Answer:
        """Deletes an endpoint; it is gone when its model servers have ended."""
        name = self._endpoint(request["EndpointName"])["EndpointName"]
        self._store.update(ENDPOINT, name, EndpointStatus="Deleting", LastModifiedTime=time.time())
        self._endpoints.delete(name)
        return {}

    def _endpoint(self, name: str) -> dict[str, Any]:
        found = self._store.get(ENDPOINT, name)
        if found is None:
            raise invalid(f'Could not find endpoint "{self._context.arn(f"{ENDPOINT}/{name}")}".')
        return found

    def _change(self, name: str, verb: str, status: str, **changes: Any) -> dict[str, Any]:
        """Changes an endpoint that is in service, as one step."""

        def edit(endpoint: dict[str, Any]) -> None:
            arn, now = endpoint["EndpointArn"], endpoint["EndpointStatus"]
            if now in _BUSY:
                raise invalid(f'Cannot {verb} in-progress endpoint "{arn}".')
            if now not in SERVING:
                raise invalid(f'Cannot {verb} endpoint "{arn}": it is {now}. Delete it and create it again.')
            endpoint.update(changes, EndpointStatus=status, LastModifiedTime=time.time())

        self._endpoint(name)
        return self._store.modify(ENDPOINT, name, edit)


def _retained(request: Request, endpoint: Mapping[str, Any]) -> dict[str, float]:
    """Weights that an update keeps."""
    excluded = [row["VariantPropertyType"] for row in request.get("ExcludeRetainedVariantProperties", [])]
    if excluded and not request.get("RetainAllVariantProperties"):
        raise invalid("ExcludeRetainedVariantProperties: it belongs to RetainAllVariantProperties. Set that to true.")
    if not request.get("RetainAllVariantProperties") or "DesiredWeight" in excluded or not endpoint["Plan"]:
        return {}
    return {variant["name"]: variant["weight"] for variant in endpoint["Plan"]["variants"]}
