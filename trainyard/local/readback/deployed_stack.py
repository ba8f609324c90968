"""One stack as its template has it, with every reference resolved from its deployment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trainyard.assembly.stacks import AssemblyStack
from trainyard.local.readback.account import Account
from trainyard.local.readback.readers import READERS, Deployed
from trainyard.local.readback.resolve import NOTHING, Resolver, Unresolved


@dataclass
class DeployedStack:
    """One stack of the assembly beside its deployment."""

    stack: AssemblyStack
    """As it was synthesised."""
    account: Account
    """Where it is deployed."""
    _attributes: dict[tuple[str, str], Any] = field(default_factory=dict)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What CloudFormation says of it."""
        return self.account.describe(self.stack.name)

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        """By logical id."""
        pages = self.account.client("cloudformation").get_paginator("list_stack_resources")
        rows = (row for page in pages.paginate(StackName=self.stack.name) for row in page["StackResourceSummaries"])
        return {row["LogicalResourceId"]: row.get("PhysicalResourceId", "") for row in rows}

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The template's resources that exist under its conditions."""
        rows = self.stack.template.get("Resources", {})
        holds = self.resolver.condition
        return {name: row for name, row in rows.items() if "Condition" not in row or holds(row["Condition"])}

    @cached_property
    def resolver(self) -> Resolver:
        """Resolves the template's functions from what a client can read."""
        arn = self.description["StackId"].split(":")
        partition, region, owner = arn[1], arn[3], arn[4]
        return Resolver(
            self.stack.template,
            physical_ids=self.physical_ids,
            parameters=self._parameters(),
            pseudo={
                "AWS::AccountId": owner,
                "AWS::NotificationARNs": self.description.get("NotificationARNs", []),
                "AWS::Partition": partition,
                "AWS::Region": region,
                "AWS::StackId": self.description["StackId"],
                "AWS::StackName": self.stack.name,
                "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            },
            attribute=self.attribute,
            output=self.account.output,
            export=self.account.export,
            zones=self.account.zones,
        )

    def _parameters(self) -> dict[str, Any]:
        declared = self.stack.template.get("Parameters", {})
        values: dict[str, Any] = {}
        for row in self.description.get("Parameters", []):
            name, text = row["ParameterKey"], row.get("ResolvedValue") or row["ParameterValue"]
            kind = declared.get(name, {}).get("Type", "String")
            values[name] = text.split(",") if kind.startswith("List<") or kind == "CommaDelimitedList" else text
        return values

    def attribute(self, logical_id: str, name: str) -> Any:
        """Fn::GetAtt, read from the service that has the resource."""
        if (logical_id, name) not in self._attributes:
            kind = self.stack.template["Resources"][logical_id]["Type"]
            value = None
            if kind in READERS and logical_id in self.physical_ids:
                value = READERS[kind].attribute(self.deployed(logical_id, {}), name)
            self._attributes[logical_id, name] = value
        value = self._attributes[logical_id, name]
        if value is None:
            raise Unresolved(f"{logical_id}.{name}: no reader gives this attribute")
        return value

    def deployed(
        self, logical_id: str, properties: Mapping[str, Any], others: Sequence[tuple[str, Mapping[str, Any]]] = ()
    ) -> Deployed:
        """One of its resources, as a reader gets it."""
        physical_id = self.physical_ids[logical_id]
        return Deployed(clients=self.account, physical_id=physical_id, properties=properties, others=others)

    def resolved_pairs(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Type and properties of each resource, as far as they resolve."""
        for logical_id, row in self.resources.items():
            if logical_id in self.physical_ids:
                yield row["Type"], self.properties(row)[0]

    def properties(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Resolved properties, and for those that do not resolve the reason."""
        known: dict[str, Any] = {}
        unknown: dict[str, str] = {}
        for name, value in row.get("Properties", {}).items():
            try:
                resolved = self.resolver.resolve(value)
            except Unresolved as reason:
                unknown[name] = str(reason)
                continue
            if resolved is not NOTHING:
                known[name] = resolved
        return known, unknown
