"""Endpoints: the operations on them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.hosting.components import COMPONENT, Components
from trainyard.local.hosting.configs import ENDPOINT, MAXIMUM_INSTANCES, find_config
from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.descriptions import describe, describe_kinds
from trainyard.local.hosting.gauges import Gauges
from trainyard.local.hosting.guardrails import check_fleet, check_update, guardrails
from trainyard.local.hosting.lifecycle import SERVING, Lifecycle
from trainyard.local.hosting.measures import Measures
from trainyard.local.hosting.plan import Plan, ServerlessPlan, make_plan
from trainyard.local.hosting.serverless import updated

_BUSY = ("Creating", "Updating", "RollingBack", "Deleting")


class Endpoints:
    """CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, Delete."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._context = context
        self._store = context.store
        self._endpoints = Lifecycle(context)
        self.components = Components(context)
        """What runs on the instances of variants without a model."""
        self._gauges = Gauges(
            Measures(lambda: context.platform.client("cloudwatch"), context.minute_seconds),
            lambda: [*self._endpoints.serving(), *self.components.live()],
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
        self._gauges.start()

    def stop(self) -> None:
        """Ends every model server; the endpoints stay as they are for the next start."""
        self._gauges.stop()
        self._endpoints.stop()

    @operation("CreateEndpoint")
    def create_endpoint(self, request: Request, _: Caller) -> Answer:
        """Creates an endpoint, which is InService when its model servers answer."""
        name = request["EndpointName"]
        arn = self._context.arn(f"{ENDPOINT}/{name}")
        config = find_config(self._context, request["EndpointConfigName"])
        plan = make_plan(self._context, config, {})
        guard = guardrails(request.get("DeploymentConfig"))
        check_fleet(guard, plan)
        self._check_alarms(guard.alarms)
        now = time.time()
        document = {
            "Name": name,
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": plan.config,
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            "Tags": request.get("Tags", []),
            "Plan": None,
            "Pending": plan.to_json(),
            "LastDeploymentConfig": request.get("DeploymentConfig"),
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
        live, coming = self._endpoints.fleets(name)
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
        endpoint = self._endpoint(request["EndpointName"])
        plan = _retained(request, endpoint, make_plan(self._context, config, {}))
        document = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            document = endpoint.get("LastDeploymentConfig") or document
        guard = guardrails(document)
        if endpoint["Plan"]:
            before = Plan.from_json(endpoint["Plan"])
            check_update(guard, before, plan)
            self._check_bound(request["EndpointName"], before, plan)
        self._check_alarms(guard.alarms)
        changes = {"Pending": plan.to_json(), "LastDeploymentConfig": document}
        endpoint = self._change(request["EndpointName"], "update", "Updating", **changes)
        name = endpoint["EndpointName"]
        self._endpoints.update(name, plan, guard)
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation("UpdateEndpointWeightsAndCapacities")
    def update_weights(self, request: Request, _: Caller) -> Answer:
        """Gives variants other shares of the requests, and other numbers of instances."""
        endpoint = self._endpoint(request["EndpointName"])
        plan = endpoint["Plan"] or {"variants": []}
        known = {variant["name"]: variant for variant in plan["variants"]}
        counts = {name: variant["count"] for name, variant in known.items()}
        for index, wanted in enumerate(request["DesiredWeightsAndCapacities"]):
            field = f"DesiredWeightsAndCapacities[{index}]"
            variant = known.get(wanted["VariantName"])
            if variant is None:
                raise invalid(f"{field}.VariantName: got {wanted['VariantName']!r}, but there is {', '.join(known)}.")
            self._give(variant, wanted, field, least=0 if plan.get("asynchronous") else 1)
        if not any(variant["weight"] for variant in known.values()):
            raise invalid("DesiredWeightsAndCapacities: every weight would be 0. Give one variant a weight.")
        scaled = counts != {name: variant["count"] for name, variant in known.items()}
        status = "Updating" if scaled else endpoint["EndpointStatus"]
        self._change(request["EndpointName"], "update", status, Plan=plan)
        name = endpoint["EndpointName"]
        live = self._endpoints.live(name)
        for running in live.variants if live else ():
            running.weight = known[running.plan.name]["weight"]
            if running.serverless is not None:
                running.serverless.change(ServerlessPlan(**known[running.plan.name]["serverless"]))
        if scaled:
            self._endpoints.scale(name, Plan.from_json(plan))
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _give(self, variant: dict[str, Any], wanted: Mapping[str, Any], field: str, *, least: int) -> None:
        """Writes what one row asks for into a variant of a plan, which has that many instances at least."""
        update = wanted.get("ServerlessUpdateConfig")
        if update and not variant["serverless"]:
            raise invalid(f"{field}.ServerlessUpdateConfig: the variant is not serverless. Leave it out.")
        if variant["serverless"]:
            if "DesiredInstanceCount" in wanted:
                raise invalid(
                    f"{field}.DesiredInstanceCount: the variant has no instances. Give ServerlessUpdateConfig."
                )
            variant["serverless"] = updated(variant["serverless"], update or {}, f"{field}.ServerlessUpdateConfig")
            variant["weight"] = wanted.get("DesiredWeight", variant["weight"])
            return
        count = wanted.get("DesiredInstanceCount", variant["count"])
        if not least <= count <= MAXIMUM_INSTANCES:
            raise invalid(
                f"{field}.DesiredInstanceCount: got {count}, but the embedded cloud runs {least} to "
                f"{MAXIMUM_INSTANCES} model servers a variant. Give another number."
            )
        variant["count"] = count
        variant["weight"] = wanted.get("DesiredWeight", variant["weight"])

    @operation("DeleteEndpoint")
    def delete_endpoint(self, request: Request, _: Caller) -> Answer:
        """Deletes an endpoint; it is gone when its model servers have ended."""
        name = self._endpoint(request["EndpointName"])["EndpointName"]
        hosted = [row["Name"] for row in self._store.list(COMPONENT) if row["EndpointName"] == name]
        if hosted:
            raise invalid(
                f"EndpointName: {name} hosts the inference components {', '.join(hosted)}. Delete them first."
            )
        self._store.update(ENDPOINT, name, EndpointStatus="Deleting", LastModifiedTime=time.time())
        self._endpoints.delete(name)
        return {}

    def _endpoint(self, name: str) -> dict[str, Any]:
        found = self._store.get(ENDPOINT, name)
        if found is None:
            raise invalid(f'Could not find endpoint "{self._context.arn(f"{ENDPOINT}/{name}")}".')
        return found

    def _count_hosts(self, endpoint: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> None:
        """Gives variants that host components the instances that these take, and the range that they move in."""
        config = find_config(self._context, endpoint["EndpointConfigName"])
        managed = {row["VariantName"]: row.get("ManagedInstanceScaling") for row in config["ProductionVariants"]}
        counts = self.components.instances(endpoint["EndpointName"], config)
        for row in rows:
            row["ManagedInstanceScaling"] = managed.get(row["VariantName"])
            if row["VariantName"] in counts:
                row["DesiredInstanceCount"] = row["CurrentInstanceCount"] = counts[row["VariantName"]]

    def _check_bound(self, name: str, before: Plan, after: Plan) -> None:
        """A variant that is a scalable target, or has inference components, stays what it is."""
        kept = {variant.name: variant for variant in after.variants}
        for old in before.variants:
            new = kept.get(old.name)
            hosted = [row["Name"] for row in self._store.list(COMPONENT)
                      if (row["EndpointName"], row["VariantName"]) == (name, old.name)]  # fmt: skip
            if hosted and (new is None or new.containers):
                raise invalid(
                    f"EndpointConfigName: the variant {old.name} hosts the inference components {', '.join(hosted)}. "
                    "Keep it as it is, or delete them first."
                )
            scaled = self._store.list("scalable-target", f"endpoint/{name}/variant/{old.name}|")
            if scaled and (new is None or new.instance_type != old.instance_type):
                raise invalid(
                    f'The variant(s) "[{old.name}]" must be deregistered as scalable targets with AWS Auto Scaling '
                    "before they can be removed or have their instance type updated."
                )

    def _check_alarms(self, names: Sequence[str]) -> None:
        """An alarm that does not exist would never take an update back."""
        for index, name in enumerate(names):
            if not self._context.platform.exists("alarm", name):
                raise invalid(
                    f"DeploymentConfig.AutoRollbackConfiguration.Alarms[{index}].AlarmName: got {name!r}, but there is "
                    "no such alarm. Create it first."
                )

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


def _retained(request: Request, endpoint: Mapping[str, Any], plan: Plan) -> Plan:
    """The plan of an update, with the weights and numbers of instances that it keeps."""
    excluded = [row["VariantPropertyType"] for row in request.get("ExcludeRetainedVariantProperties", [])]
    if excluded and not request.get("RetainAllVariantProperties"):
        raise invalid("ExcludeRetainedVariantProperties: it belongs to RetainAllVariantProperties. Set that to true.")
    if not request.get("RetainAllVariantProperties") or not endpoint["Plan"]:
        return plan
    names = {"weight": "DesiredWeight", "count": "DesiredInstanceCount"}
    kept = [field for field, name in names.items() if name not in excluded]
    known = {variant["name"]: variant for variant in endpoint["Plan"]["variants"]}
    variants = [
        replace(variant, **{field: known[variant.name][field] for field in kept}) if variant.name in known else variant
        for variant in plan.variants
    ]
    return replace(plan, variants=variants)
