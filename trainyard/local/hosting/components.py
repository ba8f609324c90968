"""Inference components: models with resources of their own on an endpoint's instances; every copy a model server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.hosting.changes import COMPONENT
from trainyard.local.hosting.component_hosts import Hosts
from trainyard.local.hosting.component_plan import component_guardrails, component_plan
from trainyard.local.hosting.deployment import Deployment, Home
from trainyard.local.hosting.documents import Documents
from trainyard.local.hosting.lifecycle import Lifecycle
from trainyard.local.hosting.placement import check
from trainyard.local.hosting.plan import Plan

COMPONENTS = Home(kind=COMPONENT, folder="components", logs="/aws/sagemaker/InferenceComponents")
_STATUS = {"SystemUpdating": "InService", "RollingBack": "Updating"}
"""Statuses that endpoints have and components do not."""


class Components:
    """CreateInferenceComponent, Describe, List, Update, UpdateInferenceComponentRuntimeConfig, Delete."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._context = context
        self._store = context.store
        self._documents = Documents(context, COMPONENT, "inference component")
        self._components = Lifecycle(context, COMPONENTS)
        self._hosts = Hosts(context)

    def start(self) -> None:
        """Serves again what was in service when the cloud went down."""
        self._components.start()

    def stop(self) -> None:
        """Ends every copy; the components stay as they are for the next start."""
        self._components.stop()

    def live(self) -> list[tuple[str, Deployment]]:
        """The components that serve now, by name."""
        return self._components.fleets.serving()

    @contextmanager
    def serving_component(self, endpoint: str, name: str) -> Iterator[Deployment]:
        """What serves a component of an endpoint now; it does not end while the block lasts.

        Raises:
            ServiceError: ValidationError when the endpoint has none of the name, or nothing serves it.
        """
        document = self._store.get(COMPONENT, name)
        if document is None or document["EndpointName"] != endpoint:
            raise ServiceError("ValidationError", f"Inference Component {name} of endpoint {endpoint} not found.")
        with self._components.fleets.answering(name) as live:
            if live is None:
                raise ServiceError(
                    "ValidationError", f"Inference Component {name} is {self._status(document)}: nothing serves it yet."
                )
            yield live

    @operation("CreateInferenceComponent")
    def create_component(self, request: Request, _: Caller) -> Answer:
        """Creates a component, which is InService when its copies answer."""
        name = request["InferenceComponentName"]
        endpoint, variant, config = self._hosts.find(request)
        specification = _one_specification(request)
        if "RuntimeConfig" not in request:
            raise invalid("RuntimeConfig: it is missing, but it says how many copies run. Give CopyCount.")
        copies = request["RuntimeConfig"]["CopyCount"]
        check(specification["ComputeResourceRequirements"], variant["InstanceType"])
        self._hosts.check_copies(endpoint, variant, name, specification, copies)
        plan = component_plan(self._context, name, specification, variant, config, copies)
        arn = self._documents.arn(name)
        self._documents.insert(
            name, plan, InferenceComponentName=name, InferenceComponentArn=arn, EndpointName=endpoint["EndpointName"],
            EndpointArn=endpoint["EndpointArn"], VariantName=variant["VariantName"],
            Specifications={plan.id: specification}, Tags=request.get("Tags", []), LastDeploymentConfig=None,
        )  # fmt: skip
        self._components.create(name, plan)
        return {"InferenceComponentArn": arn}

    @operation("DescribeInferenceComponent")
    def describe_component(self, request: Request, _: Caller) -> Answer:
        """A component."""
        return self._shown(self._documents.find(request["InferenceComponentName"]))

    @operation("ListInferenceComponents")
    def list_components(self, request: Request, _: Caller) -> Answer:
        """Components, newest first unless the request says otherwise."""
        rows = [
            {**row, "InferenceComponentStatus": self._status(row)}
            for row in self._store.list(COMPONENT)
            if request.get("EndpointNameEquals") in (None, row["EndpointName"])
            and request.get("VariantNameEquals") in (None, row["VariantName"])
        ]
        wanted = {"SortOrder": "Descending", **request}
        chosen = select(rows, wanted, name="InferenceComponentName", status="InferenceComponentStatus")
        return page(chosen, request, "InferenceComponents", identity="InferenceComponentArn", default=10)

    @operation("UpdateInferenceComponent")
    def update_component(self, request: Request, _: Caller) -> Answer:
        """Runs something else: batch by batch where DeploymentConfig says so, else all at once."""
        name = request["InferenceComponentName"]
        component = self._documents.find(name)
        endpoint, variant, config = self._hosts.find({**component, **request})
        live = component["Plan"] or component["Pending"]
        copies = request.get("RuntimeConfig", {}).get("CopyCount", live["variants"][0]["count"])
        guard = component_guardrails(request.get("DeploymentConfig"), self._context.platform)
        if not {"Specification", "Specifications"} & set(request):
            if "RuntimeConfig" not in request:
                raise invalid("Specification: neither it nor RuntimeConfig is given. Say what shall change.")
            return self._scale(component, endpoint, variant, copies)
        specification = _one_specification(request)
        check(specification["ComputeResourceRequirements"], variant["InstanceType"])
        self._hosts.check_copies(endpoint, variant, name, specification, copies)
        plan = component_plan(self._context, name, specification, variant, config, copies)
        kept = {key: value for key, value in component["Specifications"].items() if key == live["id"]}
        self._change(
            name, Pending=plan.to_json(), Specifications={**kept, plan.id: specification},
            LastDeploymentConfig=request.get("DeploymentConfig"),
        )  # fmt: skip
        self._components.update(name, plan, guard)
        return {"InferenceComponentArn": component["InferenceComponentArn"]}

    @operation("UpdateInferenceComponentRuntimeConfig")
    def update_runtime(self, request: Request, _: Caller) -> Answer:
        """Runs another number of copies, none among them."""
        component = self._documents.find(request["InferenceComponentName"])
        endpoint, variant, _config = self._hosts.find(component)
        return self._scale(component, endpoint, variant, request["DesiredRuntimeConfig"]["CopyCount"])

    @operation("DeleteInferenceComponent")
    def delete_component(self, request: Request, _: Caller) -> Answer:
        """Deletes a component; it is gone when its copies have ended."""
        name = self._documents.find(request["InferenceComponentName"])["InferenceComponentName"]
        self._documents.leave(name)
        self._components.delete(name)
        return {}

    def instances(self, endpoint: str, config: Mapping[str, Any]) -> dict[str, int]:
        """Instances that each variant of an endpoint has, where they follow the components' copies."""
        return self._hosts.instances(endpoint, config)

    def _scale(
        self, component: dict[str, Any], endpoint: dict[str, Any], variant: dict[str, Any], copies: int
    ) -> Answer:
        name, plan = component["InferenceComponentName"], component["Plan"]
        if plan is None:
            raise invalid(f'Cannot update inference component "{component["InferenceComponentArn"]}": it does not run.')
        specification = component["Specifications"][plan["id"]]
        self._hosts.check_copies(endpoint, variant, name, specification, copies)
        (running,) = plan["variants"]
        self._change(name, Plan={**plan, "variants": [{**running, "count": copies}]})
        self._components.scale(name, Plan.from_json({**plan, "variants": [{**running, "count": copies}]}))
        return {"InferenceComponentArn": component["InferenceComponentArn"]}

    def _change(self, name: str, **changes: Any) -> None:
        self._documents.change(name, "update", lambda found: found.update(changes, EndpointStatus="Updating"))

    def _status(self, component: Mapping[str, Any]) -> str:
        status: str = component["EndpointStatus"]
        return _STATUS.get(status, status)

    def _shown(self, component: dict[str, Any]) -> dict[str, Any]:
        name = component["InferenceComponentName"]
        plan = component["Plan"] or component["Pending"]
        live = self._components.fleets.live(name)
        running = live.variants[0].replicas if live else []
        specification = component["Specifications"][plan["id"]]
        image = plan["variants"][0]["containers"][0]["image"]
        container = specification.get("Container")
        shown = dict(specification)
        if container:
            shown["Container"] = {**container, "DeployedImage": {"SpecifiedImage": image, "ResolvedImage": image}}
        return {
            **component,
            "InferenceComponentStatus": self._status(component),
            "Specification": shown,
            "Specifications": None,
            "RuntimeConfig": {
                "DesiredCopyCount": plan["variants"][0]["count"],
                "CurrentCopyCount": sum(replica.state == "healthy" for replica in running),
            },
        }


def _one_specification(request: Request) -> dict[str, Any]:
    if ("Specification" in request) == ("Specifications" in request):
        raise invalid("Specification and Specifications: one of them must be given. Give Specification.")
    if "Specifications" in request:
        raise invalid("Specifications: the embedded cloud has instances of one type in a variant. Give Specification.")
    specification: dict[str, Any] = request["Specification"]
    if "BaseInferenceComponentName" in specification:
        raise invalid(
            "Specification.BaseInferenceComponentName: the embedded cloud runs no adapters. Give the merged model."
        )
    if "ComputeResourceRequirements" not in specification:
        raise invalid("Specification.ComputeResourceRequirements: it is missing. Say what a copy needs.")
    return specification
