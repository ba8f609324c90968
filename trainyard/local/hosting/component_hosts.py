"""The instances that inference components are on: which, how many, and whether there is room."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Context
from trainyard.local.hosting.changes import COMPONENT
from trainyard.local.hosting.configs import ENDPOINT, MAXIMUM_INSTANCES, find_config
from trainyard.local.hosting.placement import Need, instances_for, need
from trainyard.local.hosting.statuses import SERVING


class Hosts:
    """The variants without a model of all endpoints."""

    def __init__(self, context: Context) -> None:
        """Composes it."""
        self._context, self._store = context, context.store

    def find(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Endpoint, variant and configuration that a component is on."""
        name = request["EndpointName"]
        endpoint = self._store.get(ENDPOINT, name)
        if endpoint is None:
            raise invalid(f'Could not find endpoint "{self._context.arn(f"{ENDPOINT}/{name}")}".')
        if endpoint["EndpointStatus"] not in SERVING:
            raise invalid(f"EndpointName: {name} is {endpoint['EndpointStatus']}. Wait until it is InService.")
        config = find_config(self._context, endpoint["EndpointConfigName"])
        variants = {variant["VariantName"]: variant for variant in config["ProductionVariants"]}
        wanted = request.get("VariantName") or (next(iter(variants)) if len(variants) == 1 else None)
        if wanted not in variants:
            raise invalid(f"VariantName: got {wanted!r}, but the endpoint's variants are {', '.join(variants)}.")
        if "ModelName" in variants[wanted]:
            raise invalid(
                f"VariantName: {wanted} has a model of its own. Inference components need a variant without ModelName."
            )
        return endpoint, variants[wanted], config

    def check_copies(
        self, endpoint: Mapping[str, Any], variant: Mapping[str, Any], name: str, specification: Any, copies: int
    ) -> None:
        """Refuses copies for which the variant has no room, even with all instances that it may have."""
        if copies > MAXIMUM_INSTANCES:
            raise invalid(f"CopyCount: got {copies}, but the embedded cloud runs at most {MAXIMUM_INSTANCES}.")
        managed = variant.get("ManagedInstanceScaling", {})
        most = variant["InitialInstanceCount"]
        if managed.get("Status") == "ENABLED":
            most = managed.get("MaxInstanceCount", MAXIMUM_INSTANCES)
        others = self._needs(endpoint["EndpointName"], variant["VariantName"], but=name)
        mine = [need(specification["ComputeResourceRequirements"])] * copies
        wanted = instances_for([*others, *mine], variant["InstanceType"])
        if wanted > most:
            raise invalid(
                f"CopyCount: got {copies}, for which {wanted} instances {variant['InstanceType']} are needed, but the "
                f"variant {variant['VariantName']} has {most}. Run fewer copies, or raise MaxInstanceCount."
            )

    def instances(self, endpoint: str, config: Mapping[str, Any]) -> dict[str, int]:
        """Instances that each variant of an endpoint has, where they follow the components' copies."""
        found = {}
        for variant in config["ProductionVariants"]:
            managed = variant.get("ManagedInstanceScaling", {})
            if "ModelName" not in variant and managed.get("Status") == "ENABLED":
                wanted = instances_for(self._needs(endpoint, variant["VariantName"]), variant["InstanceType"])
                found[variant["VariantName"]] = max(wanted, managed.get("MinInstanceCount", 1))
        return found

    def _needs(self, endpoint: str, variant: str, but: str = "") -> list[Need]:
        """What the copies of all components on a variant take."""
        found = []
        for row in self._store.list(COMPONENT):
            if (row["EndpointName"], row["VariantName"]) == (endpoint, variant) and row["Name"] != but:
                plan = row["Plan"] or row["Pending"]
                one = need(row["Specifications"][plan["id"]]["ComputeResourceRequirements"])
                found += [one] * plan["variants"][0]["count"]
        return found
