"""What is done with a stack: its protection, what it shall leave behind, its deletion and how that stands."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, Literal

from botocore.exceptions import ClientError

from trainyard.operations.connection import OperationError
from trainyard.teardown.assembled import Assembled
from trainyard.teardown.deployed import Stack
from trainyard.teardown.looking import Look

State = Literal["deleting", "deleted", "failed"]
BODY_BYTES = 51_200
"""Of a template in a request; a longer one is read from a bucket ("CloudFormation quotas", CloudFormation User Guide,
read 2026-11-22)."""


def unprotect(look: Look, name: str) -> None:
    """Let it be deleted."""
    look.client("cloudformation").update_termination_protection(StackName=name, EnableTerminationProtection=False)


def leave_behind(template: Any, logical: Sequence[str]) -> dict[str, Any]:
    """``template`` with resources that outlive their stack.

    CloudFormation takes a deletion policy only together with another change of the resource: its metadata say why.
    Source: "Modify a stack template", CloudFormation User Guide, read 2026-11-22.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(template))
    for name in logical:
        resource = changed["Resources"][name]
        resource["DeletionPolicy"] = "Retain"
        resource["Metadata"] = {**resource.get("Metadata", {}), "trainyard:teardown": "kept"}
    return changed


def keep_apart(look: Look, environment: Assembled, stack: Stack, logical: Sequence[str]) -> None:
    """Tell the stack to leave resources behind.

    Raises:
        OperationError: The stack is in a state in which nothing can be told to it.
    """
    client = look.client("cloudformation")
    if stack.status.startswith("DELETE"):
        return  # An earlier try told it; see `begin` for a stack whose deletion failed.
    body = json.dumps(leave_behind(stack.template, logical))
    where = (
        {"TemplateBody": body}
        if len(body) <= BODY_BYTES
        else {"TemplateURL": _uploaded(look, environment, stack, body)}
    )
    try:
        client.update_stack(
            StackName=stack.name,
            Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in stack.parameters],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            **where,
        )
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise
    client.get_waiter("stack_update_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 5 if look.connection.cloud is None else 1, "MaxAttempts": 360}
    )
    told = client.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    resources = (json.loads(told) if isinstance(told, str) else told)["Resources"]
    lost = [name for name in logical if resources[name].get("DeletionPolicy") != "Retain"]
    if lost:
        raise OperationError(f"{stack.name}: CloudFormation did not take the deletion policy of {', '.join(lost)}. "
                             "Nothing of that stack was deleted")  # fmt: skip


def _uploaded(look: Look, environment: Assembled, stack: Stack, body: str) -> str:
    """Address of a template in the bucket that the CDK CLI's bootstrap made for templates."""
    resources = look.all("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName="CDKToolkit")
    bucket = next((each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::S3::Bucket"), None)
    if bucket is None:
        long = f"its template has {len(body):,} bytes and CloudFormation takes {BODY_BYTES:,} without a bucket"
        raise OperationError(f"{stack.name}: {long}. Bootstrap the account, or delete the stack by hand")
    key = f"teardown/{environment.name}/{stack.name}.json"
    look.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())
    return f"https://{bucket}.s3.{environment.region}.amazonaws.com/{key}"


def begin(look: Look, stack: Stack, keep: Sequence[str] = ()) -> None:
    """Begin its deletion; one that goes on already is only watched.

    Args:
        look: The cloud.
        stack: As it was when it was looked at.
        keep: Logical ids that stay, for a stack whose deletion failed before and which no update reaches.
    """
    client = look.client("cloudformation")
    status = described(look, stack.name).get("StackStatus")
    if status is None or status == "DELETE_IN_PROGRESS":
        return
    more = {"RetainResources": list(keep)} if keep and status == "DELETE_FAILED" else {}
    client.delete_stack(StackName=stack.name, **more)


def described(look: Look, name: str) -> dict[str, Any]:
    """The stack by name or ARN; empty where it is gone."""
    found = look.unless(("does not exist",), lambda: look.client("cloudformation").describe_stacks(StackName=name))
    return dict(found["Stacks"][0]) if found and found["Stacks"] else {}


def state(look: Look, stack: Stack) -> State:
    """How its deletion stands."""
    status = described(look, stack.arn).get("StackStatus", "DELETE_COMPLETE")
    if status == "DELETE_COMPLETE":
        return "deleted"
    return "failed" if status.endswith("FAILED") else "deleting"


def reasons(look: Look, stack: Stack) -> list[str]:
    """What CloudFormation says of each resource whose deletion failed last, ``LogicalId: why``."""
    found: dict[str, str] = {}
    for each in look.all("cloudformation", "describe_stack_events", "StackEvents", StackName=stack.arn):
        if each["LogicalResourceId"] == stack.name:
            if each["ResourceStatus"] == "DELETE_IN_PROGRESS":
                break  # Newest first: what came before this try is not of it.
        elif each["ResourceStatus"] == "DELETE_FAILED":
            found.setdefault(each["LogicalResourceId"], each.get("ResourceStatusReason", "no reason given"))
    return [f"{name}: {why}" for name, why in found.items()]


def progress(look: Look, stack: Stack) -> str:
    """``12 of 34 resources are gone``."""
    resources = list(look.all("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack.arn))
    gone = sum(each["ResourceStatus"] in ("DELETE_COMPLETE", "DELETE_SKIPPED") for each in resources)
    return f"{gone} of {len(stack.resources)} resources are gone"
