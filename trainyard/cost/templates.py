"""Templates to estimate: the stacks of a cloud assembly, whoever's app wrote it, or one plain template file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml_contract.errors import reject
from trainyard.assembly.stacks import AssemblyStack, stacks
from trainyard.cost.functions import Unresolved
from trainyard.cost.intrinsics import Scope
from trainyard.cost.template_files import template_of

_NESTED = "AWS::CloudFormation::Stack"
_DEEPEST = 10
"""Stacks in stacks; one that holds itself would never end."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a template, its functions resolved as far as the template tells them."""

    logical_id: str
    type: str
    """For example ``AWS::SageMaker::Endpoint``."""
    properties: Mapping[str, Any]
    only_if: str | None = None
    """The condition that it depends on, where the template does not tell whether it holds."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """One stack."""

    id: str
    """As the CDK CLI selects it, ``Prod/Network``; of a plain file its name without ending."""
    environment: str
    """First part of the id, in lower case."""
    region: str
    """Where it is deployed."""
    resources: Mapping[str, Resource]
    """Logical id → resource that exists under the given parameters."""
    absent: Mapping[str, int]
    """Condition that is false under them → how many resources it keeps away."""


def read(
    place: Path,
    *,
    environment: str | None = None,
    region: str | None = None,
    parameters: Mapping[str, str] | None = None,
    conditional: bool = False,
) -> list[Template]:
    """The stacks at ``place``.

    Args:
        place: A cloud assembly (cdk.out), or a template in JSON or YAML.
        environment: Only stacks of this one, upper and lower case alike.
        region: For stacks whose app left it open, and for plain templates.
        parameters: Values of the templates' parameters.
        conditional: Also resources whose condition does not hold under them: what a deployment may come to.

    Raises:
        ContractError: Nothing to read there, nothing of that environment, no region, a parameter that no template has.
    """
    try:
        found = list(_of_file(place)) if place.is_file() else list(stacks(place))
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        rule = f"its manifest.json is none of a cloud assembly ({error})"
        reject("cdk.out", str(place), rule, "Write one with `cdk synth --output FOLDER`.")
    if not found:
        reject("cdk.out", str(place), "it holds no stack", "Write one with `cdk synth --output FOLDER`.")
    wanted = environment.lower() if environment else None
    chosen = [each for each in found if wanted in (None, _environment(each))]
    if not chosen:
        known = ", ".join(sorted({_environment(each) for each in found}))
        reject("--environment", environment, f"no stack of {place} belongs to it", f"There are {known}.")
    documents = [(each, template_of(each.file)) for each in chosen]
    _check_parameters([document for _, document in documents], parameters or {})
    return [
        template
        for each, document in documents
        for template in _with_nested(each, document, region, parameters or {}, conditional=conditional)
    ]


def _environment(stack: AssemblyStack) -> str:
    return stack.id.partition("/")[0].lower()


def _of_file(file: Path) -> Iterator[AssemblyStack]:
    name = file.name.split(".")[0]
    yield AssemblyStack(id=name, name=name, file=file)


def _check_parameters(documents: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> None:
    known = {name for document in documents for name in document.get("Parameters", {})}
    for name, value in given.items():
        if name not in known:
            names = ", ".join(sorted(known - {"BootstrapVersion"})) or "none"
            reject("--parameter", f"{name}={value}", "no template has this parameter", f"They have {names}.")


def _with_nested(
    stack: AssemblyStack,
    document: dict[str, Any],
    region: str | None,
    parameters: Mapping[str, str],
    depth: int = 0,
    *,
    conditional: bool,
) -> Iterator[Template]:
    """A stack and the nested ones whose templates the assembly holds, with the parameters that they are handed."""
    found = _template(stack, document, region, parameters, conditional=conditional)
    held = {} if depth > _DEEPEST else dict(_held(stack, document, found))
    yield replace(found, resources={name: each for name, each in found.resources.items() if name not in held})
    for name, inner in held.items():
        handed = found.resources[name].properties.get("Parameters") or {}
        known = {key: str(value) for key, value in handed.items() if not isinstance(value, Unresolved)}
        yield from _with_nested(inner, template_of(inner.file), found.region, known, depth + 1, conditional=conditional)


def _held(stack: AssemblyStack, document: Mapping[str, Any], found: Template) -> Iterator[tuple[str, AssemblyStack]]:
    """Nested stacks by CDK: ``aws:asset:path`` names the template's file beside that of its parent."""
    for name, each in found.resources.items():
        path = document["Resources"][name].get("Metadata", {}).get("aws:asset:path")
        if each.type == _NESTED and isinstance(path, str) and (stack.file.parent / path).is_file():
            yield name, replace(stack, id=f"{stack.id}/{name}", file=stack.file.parent / path)


def _template(
    stack: AssemblyStack,
    document: dict[str, Any],
    region: str | None,
    parameters: Mapping[str, str],
    *,
    conditional: bool,
) -> Template:
    place = stack.region or region
    if place is None:
        reject("--region", None, f"the template of {stack.id} does not tell where it is deployed",
               "Give --region us-east-1, for example.")  # fmt: skip
    pseudo = {
        "AWS::Region": place,
        "AWS::StackName": stack.name,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    if stack.account:
        pseudo["AWS::AccountId"] = stack.account
    scope = Scope(template=document, parameters=parameters, pseudo=pseudo)
    raw = document["Resources"].values()
    conditions = Counter(each["Condition"] for each in raw if isinstance(each, dict) and "Condition" in each)
    return Template(
        id=stack.id,
        environment=_environment(stack),
        region=place,
        resources=dict(_resources(stack, document, scope, conditional=conditional)),
        absent={name: count for name, count in conditions.items() if scope.holds(name) is False},
    )


def _resources(
    stack: AssemblyStack, document: Mapping[str, Any], scope: Scope, *, conditional: bool
) -> Iterator[tuple[str, Resource]]:
    for name, raw in document["Resources"].items():
        if name.startswith("Fn::ForEach") or not isinstance(raw, dict) or not isinstance(raw.get("Type"), str):
            way_out = "Give the template as CloudFormation processed it (`get-template --template-stage Processed`)."
            reject(f"{stack.id}: Resources", name, "it is no resource with a Type", way_out)
        only_if = None
        if "Condition" in raw:
            holds = scope.holds(raw["Condition"])
            if holds is False and not conditional:
                continue
            only_if = f"{raw['Condition']} ({holds})" if isinstance(holds, Unresolved) else None
        properties = scope.resolve(raw.get("Properties") or {})
        if not isinstance(properties, dict):
            properties = {}
        yield name, Resource(logical_id=name, type=raw["Type"], properties=properties, only_if=only_if)
