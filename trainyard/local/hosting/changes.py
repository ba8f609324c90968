"""What a request changes of an endpoint that runs, and what it may not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Platform, Request
from trainyard.local.api.store import Store
from trainyard.local.hosting.configs import MAXIMUM_INSTANCES
from trainyard.local.hosting.plan import Plan
from trainyard.local.hosting.serverless import updated

COMPONENT: Final = "inference-component"
"""Kind of the documents of inference components."""
_TARGET: Final = "scalable-target"
"""Kind of Application Auto Scaling's documents of what it scales."""


def retained(request: Request, endpoint: Mapping[str, Any], plan: Plan) -> Plan:
    """The plan of an update, with the weights and numbers of instances that it keeps.

    Raises:
        ServiceError: ValidationException, the request contradicts itself.
    """
    excluded = [row["VariantPropertyType"] for row in request.get("ExcludeRetainedVariantProperties", [])]
    if excluded and not request.get("RetainAllVariantProperties"):
        raise invalid("ExcludeRetainedVariantProperties: it belongs to RetainAllVariantProperties. Set that to true.")
    if not request.get("RetainAllVariantProperties") or not endpoint["Plan"]:
        return plan
    names = {"weight": "DesiredWeight", "count": "DesiredInstanceCount"}
    kept = [field for field, name in names.items() if name not in excluded]
    known = {variant["name"]: variant for variant in endpoint["Plan"]["variants"]}
    variants = [
        replace(variant, **{field: known[variant.name][field] for field in kept})
        # What is serverless has no instances whose number could be kept.
        if variant.name in known and not (variant.serverless or known[variant.name]["serverless"])
        else variant
        for variant in plan.variants
    ]
    return replace(plan, variants=variants)


def give(variant: dict[str, Any], wanted: Mapping[str, Any], field: str, *, least: int) -> None:
    """Writes what one row of DesiredWeightsAndCapacities asks for into a variant of a plan.

    Args:
        variant: the variant as the plan's document has it.
        wanted: the row.
        field: where it stands in the request.
        least: instances that the variant keeps.

    Raises:
        ServiceError: ValidationException, it cannot have that.
    """
    update = wanted.get("ServerlessUpdateConfig")
    if update and not variant["serverless"]:
        raise invalid(f"{field}.ServerlessUpdateConfig: the variant is not serverless. Leave it out.")
    if variant["serverless"]:
        if "DesiredInstanceCount" in wanted:
            raise invalid(f"{field}.DesiredInstanceCount: the variant has no instances. Give ServerlessUpdateConfig.")
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


def check_bound(store: Store, name: str, before: Plan, after: Plan) -> None:
    """Refuses to change a variant that is a scalable target, or has inference components.

    Raises:
        ServiceError: ValidationException naming the variant.
    """
    kept = {variant.name: variant for variant in after.variants}
    for old in before.variants:
        new = kept.get(old.name)
        hosted = [row["Name"] for row in store.list(COMPONENT)
                  if (row["EndpointName"], row["VariantName"]) == (name, old.name)]  # fmt: skip
        if hosted and (new is None or new.containers):
            raise invalid(
                f"EndpointConfigName: the variant {old.name} hosts the inference components {', '.join(hosted)}. "
                "Keep it as it is, or delete them first."
            )
        scaled = store.list(_TARGET, f"endpoint/{name}/variant/{old.name}|")
        if scaled and (new is None or new.instance_type != old.instance_type):
            raise invalid(
                f'The variant(s) "[{old.name}]" must be deregistered as scalable targets with AWS Auto Scaling '
                "before they can be removed or have their instance type updated."
            )


def check_alarms(platform: Platform, names: Sequence[str]) -> None:
    """Refuses alarms that do not exist: they would never take an update back.

    Raises:
        ServiceError: ValidationException naming the first.
    """
    for index, name in enumerate(names):
        if not platform.exists("alarm", name):
            raise invalid(
                f"DeploymentConfig.AutoRollbackConfiguration.Alarms[{index}].AlarmName: got {name!r}, but there is "
                "no such alarm. Create it first."
            )
