"""Holds deployed stacks against their templates, as a client."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trainyard.assembly.stacks import AssemblyStack, select
from trainyard.local.readback.compare import difference
from trainyard.local.readback.findings import Finding, ReadBack, Verdict
from trainyard.local.readback.readers import NOTHING_TO_READ, READERS, Clients, Deployed, Reader
from trainyard.local.readback.resolve import NOTHING, Resolver, Unresolved


def read_back(assembly: Path, stacks: Sequence[str], session: Clients) -> ReadBack:
    """Compares every property of deployed stacks with what the services say.

    Args:
        assembly: The cloud assembly that was deployed (cdk.out).
        stacks: Stack names or CDK's hierarchical ids, with wildcards: `Local/**`.
        session: A boto3 session, or anything else with `client(service)`.

    Raises:
        ValueError: No assembly, a pattern without a stack, or a stack that is not deployed.
    """
    cloud = _Cloud(session)
    deployed = [_Stack(stack=stack, cloud=cloud) for stack in select(assembly, stacks)]
    others = [pair for stack in deployed for pair in stack.resolved_pairs()]
    findings = [finding for stack in deployed for finding in stack.findings(others)]
    return ReadBack(findings=findings, resources=sum(len(stack.resources) for stack in deployed))


class _Cloud:
    """What is asked of the account once and used for every stack."""

    def __init__(self, session: Clients) -> None:
        self._session, self._made = session, dict[str, Any]()
        self._stacks: dict[str, dict[str, Any]] = {}

    def client(self, service: str, /) -> Any:
        if service not in self._made:
            self._made[service] = self._session.client(service)
        return self._made[service]

    def describe(self, name: str) -> dict[str, Any]:
        if name not in self._stacks:
            try:
                self._stacks[name] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                raise ValueError(f"stacks: got {name!r}, but it is not deployed. Deploy it first.") from error
        return self._stacks[name]

    def output(self, stack: str, name: str) -> str:
        for row in self.describe(stack).get("Outputs", []):
            if row["OutputKey"] == name:
                return str(row["OutputValue"])
        raise Unresolved(f"stack {stack} has no output {name}")

    def export(self, name: str) -> str:
        pages = self.client("cloudformation").get_paginator("list_exports").paginate()
        for row in (row for page in pages for row in page["Exports"]):
            if row["Name"] == name:
                return str(row["Value"])
        raise Unresolved(f"no stack exports {name}")

    @cached_property
    def _zones(self) -> list[str]:
        rows = self.client("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(str(row["ZoneName"]) for row in rows)

    def zones(self) -> list[str]:
        return self._zones


@dataclass
class _Stack:
    """One stack of the assembly beside its deployment."""

    stack: AssemblyStack
    cloud: _Cloud
    _attributes: dict[tuple[str, str], Any] = field(default_factory=dict)

    @cached_property
    def description(self) -> dict[str, Any]:
        return self.cloud.describe(self.stack.name)

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        pages = self.cloud.client("cloudformation").get_paginator("list_stack_resources")
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
        arn = self.description["StackId"].split(":")
        partition, region, account = arn[1], arn[3], arn[4]
        return Resolver(
            self.stack.template,
            physical_ids=self.physical_ids,
            parameters=self._parameters(),
            pseudo={
                "AWS::AccountId": account,
                "AWS::NotificationARNs": self.description.get("NotificationARNs", []),
                "AWS::Partition": partition,
                "AWS::Region": region,
                "AWS::StackId": self.description["StackId"],
                "AWS::StackName": self.stack.name,
                "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            },
            attribute=self.attribute,
            output=self.cloud.output,
            export=self.cloud.export,
            zones=self.cloud.zones,
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
                value = READERS[kind].attribute(self._deployed(logical_id, {}), name)
            self._attributes[logical_id, name] = value
        value = self._attributes[logical_id, name]
        if value is None:
            raise Unresolved(f"{logical_id}.{name}: no reader gives this attribute")
        return value

    def _deployed(
        self, logical_id: str, properties: Mapping[str, Any], others: Sequence[tuple[str, Mapping[str, Any]]] = ()
    ) -> Deployed:
        physical_id = self.physical_ids[logical_id]
        return Deployed(clients=self.cloud, physical_id=physical_id, properties=properties, others=others)

    def resolved_pairs(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Type and properties of each resource, as far as they resolve."""
        for logical_id, row in self.resources.items():
            if logical_id in self.physical_ids:
                yield row["Type"], self._properties(row)[0]

    def _properties(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
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

    def findings(self, others: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Finding]:
        for logical_id, row in self.resources.items():
            yield from self._resource(logical_id, row, others)

    def _resource(
        self, logical_id: str, row: Mapping[str, Any], others: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> Iterator[Finding]:
        kind = row["Type"]

        def finding(name: str, expected: Any, actual: Any, verdict: Verdict, reason: str = "") -> Finding:
            return Finding(
                stack=self.stack.name,
                logical_id=logical_id,
                type=kind,
                property=name,
                expected=expected,
                actual=actual,
                verdict=verdict,
                reason=reason,
            )

        if logical_id not in self.physical_ids:
            yield finding("*", "deployed", "not in the stack", Verdict.DIFFERS)
            return
        if kind not in READERS:
            reason = NOTHING_TO_READ.get(kind, f"there is no reader for {kind}")
            yield finding("*", None, None, Verdict.NOT_READABLE, reason)
            return
        reader = READERS[kind]
        known, unknown = self._properties(row)
        for name, reason in unknown.items():
            yield finding(name, None, None, Verdict.NOT_READABLE, reason)
        try:
            actual = reader.read(self._deployed(logical_id, known, others))
        except (ClientError, IndexError) as error:
            yield finding("*", "deployed", f"the service does not show it: {error}", Verdict.DIFFERS)
            return
        for name, expected, found in self._pairs(reader, known, actual, set(unknown)):
            if name in reader.unread:
                yield finding(name, expected, None, Verdict.NOT_READABLE, reader.unread[name])
                continue
            path = difference(expected, found, name)
            yield finding(path or name, expected, found, Verdict.SAME if path is None else Verdict.DIFFERS)

    def _pairs(
        self, reader: Reader, known: Mapping[str, Any], actual: Mapping[str, Any], skip: set[str]
    ) -> Iterator[tuple[str, Any, Any]]:
        """Property, what is expected, what was found: for all that is given, and for all that is not as it defaults."""
        for name in sorted({*known, *actual} - skip):
            if name == "Tags":
                expected = self._tags(known.get("Tags"), actual)
                if expected or actual.get("Tags"):
                    yield name, expected, as_map(actual.get("Tags"))
                continue
            found = actual.get(name, reader.defaults.get(name))
            if name in known:
                yield name, template_form(name, known[name]), found
            elif name not in reader.chosen:
                default = reader.defaults.get(name)
                # Nothing there is the default of whatever has no other.
                empty = default is None and found in ([], {}, "", None)
                if not empty and difference(default, found) is not None:
                    yield name, default, found

    def _tags(self, given: Any, actual: Mapping[str, Any]) -> dict[str, str]:
        """The template's tags over the stack's own, where the type takes tags at all."""
        of_stack = {row["Key"]: row["Value"] for row in self.description.get("Tags", [])}
        return {**(of_stack if "Tags" in actual else {}), **as_map(given)}


def as_map(rows: Any) -> dict[str, str]:
    """Tags by key, whichever form they are in."""
    if isinstance(rows, Mapping):
        return {str(key): str(value) for key, value in rows.items()}
    return {str(row["Key"]): str(row.get("Value", "")) for row in rows or []}


def template_form(name: str, value: Any) -> Any:
    """Rules for all traffic have no ports at EC2, whatever the template says of them."""
    if name in ("SecurityGroupEgress", "SecurityGroupIngress"):
        return [
            {k: v for k, v in row.items() if k not in ("FromPort", "ToPort") or str(row["IpProtocol"]) != "-1"}
            for row in value
        ]
    return value
