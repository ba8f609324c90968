"""Endpoints: the operations on them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.hosting.changes import COMPONENT, check_alarms, check_bound, give, retained
from trainyard.local.hosting.components import Components
from trainyard.local.hosting.configs import ENDPOINT, find_config
from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.descriptions import describe, describe_kinds
from trainyard.local.hosting.documents import Documents
from trainyard.local.hosting.endpoint_plan import make_plan
from trainyard.local.hosting.gauges import Gauges
from trainyard.local.hosting.guardrails import check_fleet, check_update, guardrails
from trainyard.local.hosting.lifecycle import Lifecycle
from trainyard.local.hosting.measures import Measures
from trainyard.local.hosting.plan import Plan
from trainyard.local.hosting.statuses import SERVING


class Endpoints:
    """CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, Delete."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._context = context
        self._store = context.store
        self._documents = Documents(context, ENDPOINT, "endpoint")
        self._endpoints = Lifecycle(context)
        self.components = Components(context)
        """What runs on the instances of variants without a model."""
        self._gauges = Gauges(
            Measures(lambda: context.platform.client("cloudwatch"), context.minute_seconds),
            lambda: [*self._endpoints.fleets.serving(), *self.components.live()],
            context.minute_seconds,
        )

    @contextmanager
    def serving(self, name: str, component: str | None = None) -> Iterator[Deployment]:
        """What serves an endpoint now, or one of its inference components; it does not end while the block lasts.

        Raises:
            ServiceError: ValidationError when nothing does, ServiceUnavailable while the cloud starts it again.
        """
        if component is not None:
            with self.components.serving_component(name, component) as found:
                yield found
            return
        with self._endpoints.fleets.answering(name) as live:
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
        self._gauges.start()

    def stop(self) -> None:
        """Ends every model server; the endpoints stay as they are for the next start."""
        self._gauges.stop()
        self._endpoints.stop()

    @operation("CreateEndpoint")
    def create_endpoint(self, request: Request, _: Caller) -> Answer:
        """Creates an endpoint, which is InService when its model servers answer."""
        name = request["EndpointName"]
        config = find_config(self._context, request["EndpointConfigName"])
        plan = make_plan(self._context, config, {})
        guard = guardrails(request.get("DeploymentConfig"))
        check_fleet(guard, plan)
        check_alarms(self._context.platform, guard.alarms)
        arn = self._documents.arn(name)
        self._documents.insert(
            name, plan, EndpointName=name, EndpointArn=arn, Tags=request.get("Tags", []),
            LastDeploymentConfig=request.get("DeploymentConfig"),
        )  # fmt: skip
        self._endpoints.create(name, plan)
        return {"EndpointArn": arn}

    @operation("DescribeEndpoint")
    def describe_endpoint(self, request: Request, _: Caller) -> Answer:
        """An endpoint."""
        endpoint = self._documents.find(request["EndpointName"])
        name = endpoint["EndpointName"]
        live, coming = self._endpoints.fleets.both(name)
        shown = dict(endpoint)
        if endpoint["Plan"]:
            plan = Plan.from_json(endpoint["Plan"])
            shown["ProductionVariants"] = describe(plan, live)
            shown |= describe_kinds(plan, live)
            self._count_hosts(endpoint, shown["ProductionVariants"])
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
        """Serves another configuration: the old one until the new one is healthy, and for good when it never is.

        DeploymentConfig says in which steps the new one gets the requests, and which alarms take them back.
        """
        config = find_config(self._context, request["EndpointConfigName"])
        endpoint = self._documents.find(request["EndpointName"])
        plan = retained(request, endpoint, make_plan(self._context, config, {}))
        document = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            document = endpoint.get("LastDeploymentConfig") or document
        guard = guardrails(document)
        if endpoint["Plan"]:
            before = Plan.from_json(endpoint["Plan"])
            check_update(guard, before, plan)
            check_bound(self._store, request["EndpointName"], before, plan)
        check_alarms(self._context.platform, guard.alarms)
        changes = {"Pending": plan.to_json(), "LastDeploymentConfig": document, "EndpointStatus": "Updating"}
        endpoint = self._documents.change(request["EndpointName"], "update", lambda found: found.update(changes))
        name = endpoint["EndpointName"]
        self._endpoints.update(name, plan, guard)
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation("UpdateEndpointWeightsAndCapacities")
    def update_weights(self, request: Request, _: Caller) -> Answer:
        """Gives variants other shares of the requests, and other numbers of instances."""
        name, scaled = request["EndpointName"], False

        def change(endpoint: dict[str, Any]) -> None:
            nonlocal scaled
            plan = endpoint["Plan"]
            known = {variant["name"]: variant for variant in plan["variants"]}
            counts = {name: variant["count"] for name, variant in known.items()}
            for index, wanted in enumerate(request["DesiredWeightsAndCapacities"]):
                field, asked = f"DesiredWeightsAndCapacities[{index}]", wanted["VariantName"]
                if asked not in known:
                    raise invalid(f"{field}.VariantName: got {asked!r}, but there is {', '.join(known)}.")
                give(known[asked], wanted, field, least=0 if plan.get("asynchronous") else 1)
            if not any(variant["weight"] for variant in known.values()):
                raise invalid("DesiredWeightsAndCapacities: every weight would be 0. Give one variant a weight.")
            scaled = counts != {name: variant["count"] for name, variant in known.items()}
            if scaled:
                endpoint["EndpointStatus"] = "Updating"

        endpoint = self._documents.change(name, "update", change)
        plan, live = Plan.from_json(endpoint["Plan"]), self._endpoints.fleets.live(name)
        running = {variant.plan.name: variant for variant in live.variants} if live else {}
        for variant in plan.variants:
            if variant.name in running:
                running[variant.name].weight = variant.weight
                pool = running[variant.name].serverless
                if pool is not None and variant.serverless is not None:
                    pool.change(variant.serverless)
        if scaled:
            self._endpoints.scale(name, plan)
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation("DeleteEndpoint")
    def delete_endpoint(self, request: Request, _: Caller) -> Answer:
        """Deletes an endpoint; it is gone when its model servers have ended."""
        name = self._documents.find(request["EndpointName"])["EndpointName"]
        hosted = [row["Name"] for row in self._store.list(COMPONENT) if row["EndpointName"] == name]
        if hosted:
            raise invalid(
                f"EndpointName: {name} hosts the inference components {', '.join(hosted)}. Delete them first."
            )
        self._documents.leave(name)
        self._endpoints.delete(name)
        return {}

    def _count_hosts(self, endpoint: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> None:
        """Gives variants that host components the instances that these take, and the range that they move in."""
        config = find_config(self._context, endpoint["EndpointConfigName"])
        managed = {row["VariantName"]: row.get("ManagedInstanceScaling") for row in config["ProductionVariants"]}
        counts = self.components.instances(endpoint["EndpointName"], config)
        for row in rows:
            row["ManagedInstanceScaling"] = managed.get(row["VariantName"])
            if row["VariantName"] in counts:
                row["DesiredInstanceCount"] = row["CurrentInstanceCount"] = counts[row["VariantName"]]
