"""Deployed templates, beside those of a cloud assembly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from trainyard.assembly.stacks import AssemblyStack, select
from trainyard.operations.connection import Connection, OperationError


def deployed_template(connection: Connection, stack: str) -> dict[str, Any] | None:
    """The template that a stack was deployed with last, or ``None`` where there is no such stack.

    Raises:
        ClientError: CloudFormation refuses to show it.
    """
    try:
        body = connection.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    text = body["TemplateBody"]
    # boto3 parses JSON; the CDK CLI sends small templates as YAML, which is more than JSON is.
    return dict(yaml.safe_load(text) if isinstance(text, str) else text)


def fetch(connection: Connection, assembly: Path, stacks: Sequence[str], output: Path) -> list[str]:
    """Write a cloud assembly of what is deployed: the same stacks with the templates that they have now.

    `trainyard diff` and `trainyard cost --against` read it as they read every other.

    Args:
        connection: The account.
        assembly: Which stacks there are to be.
        stacks: Patterns of their ids.
        output: Folder to be made.

    Returns:
        Ids of stacks that are not deployed, and so have no resources in the new assembly.

    Raises:
        ContractError: No assembly, or a pattern that matches no stack of it.
        OperationError: The folder is there already.
    """
    if output.exists():
        raise OperationError(f"{output} is there already. Name another folder")
    chosen = select(assembly, stacks)
    found = {stack.id: deployed_template(connection, stack.name) for stack in chosen}
    output.mkdir(parents=True)
    version = json.loads((assembly / "manifest.json").read_text())["version"]
    artifacts = {}
    for number, stack in enumerate(chosen):
        file = f"{number}.template.json"
        (output / file).write_text(json.dumps(found[stack.id] or {"Resources": {}}, indent=1))
        artifacts[f"stack{number}"] = _artifact(stack, file)
    (output / "manifest.json").write_text(json.dumps({"version": version, "artifacts": artifacts}, indent=1))
    return [stack.id for stack in chosen if found[stack.id] is None]


def _artifact(stack: AssemblyStack, file: str) -> dict[str, Any]:
    place = f"aws://{stack.account or 'unknown-account'}/{stack.region or 'unknown-region'}"
    return {
        "type": "aws:cloudformation:stack",
        "environment": place,
        "properties": {"templateFile": file, "stackName": stack.name},
        "displayName": stack.id,
    }
