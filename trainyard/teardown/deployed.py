"""The environment's stacks as they are deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainyard.teardown.assembled import TAG, Assembled, tags_of
from trainyard.teardown.looking import Look

GONE = "DELETE_COMPLETE"
NEVER_MADE = "REVIEW_IN_PROGRESS"
"""A change set was made for a stack that does not exist."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a deployed stack."""

    stack: str
    logical: str
    type: str
    """For example ``AWS::S3::Bucket``."""
    physical: str
    """What Ref gives: a name, an id or an ARN."""
    retained: bool
    """Whether it outlives its stack."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack that exists."""

    name: str
    arn: str
    status: str
    protected: bool
    """Whether CloudFormation refuses to delete it."""
    resources: tuple[Resource, ...]
    """Those that exist."""
    template: Mapping[str, Any]
    """As it is deployed."""
    parameters: Mapping[str, str]
    exports: frozenset[str]
    imports: frozenset[str]
    """Names of what it takes from other stacks."""
    assembled: bool
    """Whether the assembly has it too."""


def deployed(look: Look, environment: Assembled) -> dict[str, Stack]:
    """Name → stack, of the assembly's stacks that exist and of others that are marked as this environment's.

    Args:
        look: The cloud.
        environment: What the assembly says.
    """
    found = {}
    for each in look.all("cloudformation", "describe_stacks", "Stacks"):
        name = each["StackName"]
        ours = name in environment.stacks
        if not ours and not (environment.prefix and name.startswith(environment.prefix)):
            continue
        if each["StackStatus"] in (GONE, NEVER_MADE):
            continue
        template = _template(look, name)
        if ours or marked(template, environment):
            found[name] = _stack(look, each, template, assembled=ours)
    return found


def marked(template: Mapping[str, Any], environment: Assembled) -> bool:
    """Whether a template's resources carry the environment's tag."""
    values = {
        tags.get(TAG)
        for each in template.get("Resources", {}).values()
        if (tags := tags_of(each.get("Properties", {})))
    }
    return values == {environment.tags.get(TAG)} != {None}


def _template(look: Look, name: str) -> Mapping[str, Any]:
    body = look.client("cloudformation").get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    # boto3 reads JSON into an ordered mapping, and leaves YAML, which CDK never writes, as text.
    if isinstance(body, str):
        body = json.loads(body) if body.lstrip().startswith("{") else {"Resources": {}}
    return dict(body)


def _stack(look: Look, described: Mapping[str, Any], template: Mapping[str, Any], *, assembled: bool) -> Stack:
    name, resources = described["StackName"], template.get("Resources", {})
    return Stack(
        name=name,
        arn=described["StackId"],
        status=described["StackStatus"],
        protected=bool(described.get("EnableTerminationProtection")),
        resources=tuple(
            Resource(
                stack=name,
                logical=each["LogicalResourceId"],
                type=each["ResourceType"],
                physical=each["PhysicalResourceId"],
                retained=keeps(resources.get(each["LogicalResourceId"], {})),
            )
            for each in look.all("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
            if each.get("PhysicalResourceId") and each["ResourceStatus"] != GONE
        ),
        template=template,
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", ())},
        exports=frozenset(each["ExportName"] for each in described.get("Outputs", ()) if "ExportName" in each),
        imports=frozenset(_imports(template)),
        assembled=assembled,
    )


def keeps(resource: Mapping[str, Any]) -> bool:
    """Whether a template's resource outlives its stack."""
    return str(resource.get("DeletionPolicy", "Delete")).startswith("Retain")


def _imports(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        name = value.get("Fn::ImportValue")
        if isinstance(name, str):
            yield name
        for inner in value.values():
            yield from _imports(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _imports(inner)


def needs(stacks: Mapping[str, Stack], environment: Assembled) -> dict[str, set[str]]:
    """Stack → stacks that it uses and that exist: what it imports, and what the assembly deploys it after."""
    exported = {name: stack.name for stack in stacks.values() for name in stack.exports}
    found: dict[str, set[str]] = {}
    for name, stack in stacks.items():
        used = {exported[each] for each in stack.imports if each in exported}
        if name in environment.stacks:
            used |= {each for each in environment.stacks[name].needs if each in stacks}
        found[name] = used - {name}
    return found
