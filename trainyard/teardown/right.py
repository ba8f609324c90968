"""Is it the right environment? Nothing is planned before that is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from botocore.exceptions import ClientError

from ml_contract.errors import reject
from trainyard.teardown.assembled import TAG, Assembled
from trainyard.teardown.deployed import Stack
from trainyard.teardown.looking import Look

_SAME = 0.5
"""Share of a deployed stack's resources that its template in the assembly must know. An assembly of another commit
knows most of them; another app, whose ids come from its own constructs, none."""
_BATCH = 100
"""ARNs that GetResources takes at once (Resource Groups Tagging API reference, read 2026-11-22)."""


def check_place(look: Look, environment: Assembled) -> None:
    """Credentials and region are those of the environment.

    Raises:
        ContractError: They are of another account or region.
    """
    account = look.client("sts").get_caller_identity()["Account"]
    if account != environment.account:
        reject("credentials", f"account {account}", f"{environment.name} is in account {environment.account}",
               "Log in there, or name the environment of this account.")  # fmt: skip
    region = look.client("cloudformation").meta.region_name
    if region != environment.region:
        reject("region", region, f"{environment.name} is in {environment.region}",
               f"Set AWS_DEFAULT_REGION={environment.region} (and AWS_REGION, where it is set).")  # fmt: skip


def check_stacks(environment: Assembled, stacks: Mapping[str, Stack]) -> None:
    """What is deployed under the environment's names is this app's, and nobody is changing it.

    Raises:
        ContractError: It is another app's, or an operation is under way that is no deletion.
    """
    for name, stack in stacks.items():
        if stack.status.endswith("_IN_PROGRESS") and not stack.status.startswith("DELETE"):
            reject("stack", f"{name}: {stack.status}", "somebody is changing it", "Wait until that has ended.")
        if not stack.assembled:
            continue
        known = environment.stacks[name].template.get("Resources", {})
        mine = [each for each in stack.resources if known.get(each.logical, {}).get("Type") == each.type]
        if len(mine) < _SAME * len(stack.resources):
            reject("stack", name,
                   f"{len(mine)} of its {len(stack.resources)} resources are the assembly's: it is another app's, "
                   "or of a commit long ago",
                   "Synthesise the app that deployed it, at that commit, and name that assembly.")  # fmt: skip


def check_shared(look: Look, environment: Assembled, stacks: Mapping[str, Stack]) -> None:
    """No other stack imports what these export.

    Raises:
        ContractError: One does.
    """
    client = look.client("cloudformation")
    for stack in stacks.values():
        for export in sorted(stack.exports):
            try:
                users = [name for page in client.get_paginator("list_imports").paginate(ExportName=export)
                         for name in page.get("Imports", ())]  # fmt: skip
            except ClientError as error:
                if "not imported by any stack" in str(error):
                    continue
                look.forgive(error, "cloudformation list_imports")
                continue
            others = sorted(set(users) - set(stacks))
            if others:
                reject("stack", stack.name, f"{', '.join(others)} uses its {export.partition(':')[2] or export}",
                       f"Take {others[0]} away first, or make it independent of {environment.name}.")  # fmt: skip


def check_tags(look: Look, environment: Assembled, arns: Sequence[str]) -> None:
    """Nothing that holds data is marked as another environment's.

    Args:
        look: The cloud.
        environment: Whose data is meant.
        arns: Of what holds data.

    Raises:
        ContractError: Something is.
    """
    mine = environment.tags.get(TAG)
    for start in range(0, len(arns) if mine else 0, _BATCH):
        batch = list(arns[start : start + _BATCH])
        for found in look.all("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList",
                              ResourceARNList=batch):  # fmt: skip
            tags = {each["Key"]: each["Value"] for each in found.get("Tags", ())}
            if tags.get(TAG, mine) != mine:
                reject(found["ResourceARN"], f"{TAG}={tags[TAG]}", f"it is marked as another environment's than {mine}",
                       "Correct its tag if it is wrong; else take it out of these stacks first.")  # fmt: skip
