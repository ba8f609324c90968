"""What has become different from what was deployed: by hand, or by a deployment from elsewhere.

Source: "Detect drift on an entire CloudFormation stack", CloudFormation User Guide, read 2026-11-22: detection runs by
itself after it was asked for, and is asked after; only types with a reader, and only properties that a template sets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ml_contract.errors import reject
from trainyard.assembly.stacks import AssemblyStack, stacks
from trainyard.operations.connection import Connection
from trainyard.operations.deployed import deployed_template

TIMEOUT_SECONDS = 900.0
"""Longest time that one detection is waited for: AWS gives none, and stacks of hundreds of resources take minutes."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0
"""Between two questions after a detection: each pause is twice as long as the one before."""


@dataclass(frozen=True, kw_only=True)
class PropertyDrift:
    """A property that is not as its template says."""

    path: str
    """For example ``/RetentionInDays``."""
    expected: str
    """What the template says."""
    actual: str
    """What the service says."""


@dataclass(frozen=True, kw_only=True)
class ResourceDrift:
    """A resource that was changed or deleted beside CloudFormation."""

    logical_id: str
    """Its name in the template."""
    type: str
    """CloudFormation type."""
    physical_id: str
    """Its name in the account."""
    deleted: bool
    """Whether it is gone."""
    properties: tuple[PropertyDrift, ...] = ()
    """What differs; empty where it is gone."""


@dataclass(frozen=True, kw_only=True)
class StackDrift:
    """How a stack differs from what was last deployed, and from what should be."""

    stack: str
    """Name in CloudFormation."""
    resources: tuple[ResourceDrift, ...] = ()
    """What was changed beside CloudFormation."""
    template: tuple[str, ...] = ()
    """Parts of the template that differ from the assembly's, such as ``Resources.Key``; empty without an assembly."""
    failure: str = ""
    """Why it could not be checked; empty where it could."""

    @property
    def differs(self) -> bool:
        """Whether anything is to be told of it; what could not be checked is."""
        return bool(self.resources or self.template or self.failure)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def chosen(assembly: Path, environment: str) -> list[AssemblyStack]:
    """The stacks of an environment in an assembly.

    Raises:
        ContractError: No assembly, or no stack of the environment.
    """
    everything = stacks(assembly)
    found = [stack for stack in everything if stack.id.partition("/")[0].lower() == environment.lower()]
    if not found:
        known = ", ".join(sorted({stack.id.partition("/")[0].lower() for stack in everything}))
        reject("environment", environment, f"no stack of {assembly} belongs to it", f"There are {known}.")
    return found


def deployed_names(connection: Connection, environment: str) -> list[str]:
    """Names of the environment's stacks in the account, without an assembly to tell them.

    Raises:
        ContractError: There are none.
    """
    pages = connection.client("cloudformation").get_paginator("describe_stacks").paginate()
    everything = [str(row["StackName"]) for page in pages for row in page["Stacks"]]
    found = [name for name in everything if name.startswith(f"trainyard-{environment.lower()}-")]
    if not found:
        reject("environment", environment, "the account has no stack of it", "Name another, or deploy it first.")
    return sorted(found)


def detect(connection: Connection, names: Sequence[str], assembly: Sequence[AssemblyStack] = ()) -> list[StackDrift]:
    """Look for drift in stacks, all at one time.

    Args:
        connection: The account.
        names: Of the stacks.
        assembly: The same stacks as they should be; those that are not named here are not compared.
    """
    wanted = {stack.name: stack for stack in assembly}
    begun = {name: _begin(connection, name) for name in names}
    return [_end(connection, name, begun[name], wanted.get(name)) for name in names]


def _begin(connection: Connection, name: str) -> str | ClientError:
    try:
        return str(connection.client("cloudformation").detect_stack_drift(StackName=name)["StackDriftDetectionId"])
    except ClientError as error:
        return error


def _end(connection: Connection, name: str, begun: str | ClientError, wanted: AssemblyStack | None) -> StackDrift:
    if isinstance(begun, ClientError):
        return StackDrift(stack=name, failure=str(begun.response["Error"]["Message"]))
    failure = _wait(connection, begun)
    client = connection.client("cloudformation")
    rows: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **more
        )
        rows += page["StackResourceDrifts"]
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    return StackDrift(
        stack=name,
        resources=tuple(map(_resource, rows)),
        template=_template(connection, wanted) if wanted else (),
        failure=failure,
    )


def _wait(connection: Connection, detection: str) -> str:
    """Why a detection failed; empty when it did not."""
    client, deadline = connection.client("cloudformation"), time.monotonic() + TIMEOUT_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while True:
        found = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        if time.monotonic() > deadline:
            return f"the detection {detection} has not ended within {TIMEOUT_SECONDS:.0f} s"
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    failed = found["DetectionStatus"] == "DETECTION_FAILED"
    return str(found.get("DetectionStatusReason") or "the detection failed without a reason") if failed else ""


def _resource(row: Mapping[str, Any]) -> ResourceDrift:
    return ResourceDrift(
        logical_id=row["LogicalResourceId"],
        type=row["ResourceType"],
        physical_id=row.get("PhysicalResourceId", ""),
        deleted=row["StackResourceDriftStatus"] == "DELETED",
        properties=tuple(
            PropertyDrift(path=each["PropertyPath"], expected=each["ExpectedValue"], actual=each["ActualValue"])
            for each in row.get("PropertyDifferences", ())
        ),
    )


def _template(connection: Connection, wanted: AssemblyStack) -> tuple[str, ...]:
    """Parts of a stack's deployed template that the assembly's does not have so."""
    deployed = deployed_template(connection, wanted.name) or {}
    found = []
    for section in sorted({*deployed, *wanted.template}):
        one, other = deployed.get(section, {}), wanted.template.get(section, {})
        if isinstance(one, dict) and isinstance(other, dict):
            found += [f"{section}.{key}" for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
        elif one != other:
            found.append(section)
    return tuple(found)
