"""What a client can ask an account about all of its stacks."""

from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from trainyard.local.readback.readers import Clients
from trainyard.local.readback.resolve import Unresolved


class Account:
    """What is asked of the account once and used for every stack."""

    def __init__(self, session: Clients) -> None:
        """Asks through a boto3 session, or anything else with `client(service)`."""
        self._session, self._made = session, dict[str, Any]()
        self._stacks: dict[str, dict[str, Any]] = {}

    def client(self, service: str, /) -> Any:
        """A client of a service."""
        if service not in self._made:
            self._made[service] = self._session.client(service)
        return self._made[service]

    def describe(self, name: str) -> dict[str, Any]:
        """What CloudFormation says of a stack.

        Raises:
            ValueError: It is not deployed.
        """
        if name not in self._stacks:
            try:
                self._stacks[name] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                raise ValueError(f"stacks: got {name!r}, but it is not deployed. Deploy it first.") from error
        return self._stacks[name]

    def output(self, stack: str, name: str) -> str:
        """The value of a stack's output.

        Raises:
            Unresolved: The stack has none of the name.
        """
        for row in self.describe(stack).get("Outputs", []):
            if row["OutputKey"] == name:
                return str(row["OutputValue"])
        raise Unresolved(f"stack {stack} has no output {name}")

    def export(self, name: str) -> str:
        """The value of an export.

        Raises:
            Unresolved: No stack exports it.
        """
        pages = self.client("cloudformation").get_paginator("list_exports").paginate()
        for row in (row for page in pages for row in page["Exports"]):
            if row["Name"] == name:
                return str(row["Value"])
        raise Unresolved(f"no stack exports {name}")

    @cached_property
    def _zones(self) -> list[str]:
        subnets = self.client("ec2").describe_subnets()["Subnets"]
        found = {str(row["AvailabilityZone"]) for row in subnets if row.get("DefaultForAz")}
        rows = self.client("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(found or {str(row["ZoneName"]) for row in rows})

    def zones(self) -> list[str]:
        """What Fn::GetAZs gives: zones with a default subnet, all of the region's where none has one; sorted.

        Source: "Fn::GetAZs" (CloudFormation Template Reference), read 2026-11-22.
        """
        return self._zones
