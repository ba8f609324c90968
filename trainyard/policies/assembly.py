"""Principals, buckets and keys of an environment, as its templates define them, with names where deployment makes them.

A name that only deployment knows is made of stack and logical id, so that references still meet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ml_contract.errors import reject
from trainyard.assembly.stacks import AssemblyStack, stacks
from trainyard.local.readback.resolve import Resolver
from trainyard.policies.documents import Policy, parse

_HASH = re.compile(r"[0-9A-F]{8}$")
_AWS_MANAGED = ":iam::aws:policy/"
_NAMES = {"AWS::S3::Bucket": "BucketName", "AWS::IAM::Role": "RoleName", "AWS::SageMaker::Pipeline": "PipelineName"}
_REFERRED_BY_ARN = frozenset(
    {"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::SecretsManager::Secret"}
)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A role, or whoever has a policy attached that no role has."""

    label: str
    """Stack and construct, for example ``Training-bytes-lm/PipelineJobs``."""
    arn: str
    identity: tuple[Policy, ...]
    """Inline and attached policies."""
    boundary: Policy | None
    trust: Policy
    """Who may assume it; empty for a policy of people."""
    elsewhere: tuple[str, ...] = ()
    """Policies of AWS that are attached and are not in the templates."""


@dataclass(frozen=True, kw_only=True)
class PipelineJobs:
    """The jobs that a pipeline's definition asks for."""

    pipeline: str
    role: str
    """ARN of the pipeline's own role."""
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Arguments of training and processing steps, by the step's name."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """``Training`` or ``Processing``, by the step's name."""


class Environment:
    """One environment of an assembly.

    Raises:
        ContractError: No such environment there, stacks that leave account or region open, or a malformed policy.
    """

    def __init__(self, assembly: Path, name: str) -> None:
        """Read the templates.

        Args:
            assembly: A cdk.out folder.
            name: Of the environment, which begins the ids of its stacks, upper and lower case alike.
        """
        found = stacks(assembly)
        self._stacks = {each.name: each for each in found if each.id.partition("/")[0].lower() == name.lower()}
        if not self._stacks:
            known = ", ".join(sorted({each.id.partition("/")[0].lower() for each in found}))
            reject("--environment", name, f"no stack of {assembly} belongs to it", f"There are {known}.")
        first = next(iter(self._stacks.values()))
        self.account, self.region = first.account or "", first.region or ""
        if not self.account or not self.region:
            reject("assembly", first.id, "its account or region is open", "Give both to the app's stacks.")
        self._resolvers = {each.name: self._resolver(each) for each in self._stacks.values()}

    @cached_property
    def principals(self) -> list[Principal]:
        """Roles, in the order of the stacks, and policies that are for people."""
        return [*self._roles(), *self._people()]

    @cached_property
    def buckets(self) -> dict[str, Policy]:
        """Policies by name of the bucket; one without a policy has none."""
        found = {self._id(stack, logical): () for stack, logical, _ in self._of("AWS::S3::Bucket")}
        policies = {
            str(entry["Bucket"]): parse(entry["PolicyDocument"], f"bucket {_label(stack, logical)}")
            for stack, logical, entry in self._of("AWS::S3::BucketPolicy")
        }
        return {**found, **policies}

    @cached_property
    def keys(self) -> dict[str, Policy]:
        """Policies by ARN of the key."""
        return {
            self._arn(stack, logical): parse(entry["KeyPolicy"], f"key {_label(stack, logical)}")
            for stack, logical, entry in self._of("AWS::KMS::Key")
        }

    @cached_property
    def pipelines(self) -> list[PipelineJobs]:
        """Pipelines with the jobs of their definitions."""
        return [self._pipeline(entry) for _, _, entry in self._of("AWS::SageMaker::Pipeline")]

    @property
    def service_control_policy(self) -> dict[str, Any] | None:
        """What a stack's metadata hold for the organisation, or ``None``."""
        for stack in self._stacks.values():
            text = stack.template.get("Metadata", {}).get("ServiceControlPolicy")
            if text:
                return dict(json.loads(text))
        return None

    def _roles(self) -> Iterator[Principal]:
        inline: dict[str, list[Policy]] = {}
        for stack, logical, entry in self._of("AWS::IAM::Policy"):
            for role in entry.get("Roles", ()):
                inline.setdefault(self._role(role), []).append(parse(entry["PolicyDocument"], _label(stack, logical)))
        for stack, logical, entry in self._of("AWS::IAM::Role"):
            arn = self._arn(stack, logical)
            attached = [str(each) for each in entry.get("ManagedPolicyArns", ())]
            own = [parse(each["PolicyDocument"], f"{_label(stack, logical)}/{each['PolicyName']}")
                   for each in entry.get("Policies", ())]  # fmt: skip
            boundary = entry.get("PermissionsBoundary")
            yield Principal(
                label=_label(stack, logical),
                arn=arn,
                identity=(
                    *inline.get(arn, ()),
                    *own,
                    *(self._managed[each] for each in attached if each in self._managed),
                ),
                boundary=self._managed[boundary] if boundary else None,
                trust=parse(entry["AssumeRolePolicyDocument"], f"trust of {_label(stack, logical)}"),
                elsewhere=tuple(each for each in attached if _AWS_MANAGED in each),
            )

    def _people(self) -> Iterator[Principal]:
        used = {str(each) for _, _, entry in self._of("AWS::IAM::Role")
                for each in (*entry.get("ManagedPolicyArns", ()), entry.get("PermissionsBoundary"))}  # fmt: skip
        for arn, policy in self._managed.items():
            if arn not in used and policy:
                label = policy[0].where.rpartition("/")[0]
                user = f"arn:aws:iam::{self.account}:user/{label.replace('/', '-')}"
                yield Principal(label=label, arn=user, identity=(policy,), boundary=None, trust=())

    @cached_property
    def _managed(self) -> dict[str, Policy]:
        return {
            self._arn(stack, logical): parse(entry["PolicyDocument"], _label(stack, logical))
            for stack, logical, entry in self._of("AWS::IAM::ManagedPolicy")
        }

    def _pipeline(self, entry: Mapping[str, Any]) -> PipelineJobs:
        definition = json.loads(entry["PipelineDefinition"]["PipelineDefinitionBody"])
        defaults = {each["Name"]: each.get("DefaultValue") for each in definition.get("Parameters", ())}
        steps = {step["Name"]: step for step in _steps(definition["Steps"])}
        jobs = {name: step for name, step in steps.items() if step["Type"] in ("Training", "Processing")}
        return PipelineJobs(
            pipeline=str(entry["PipelineName"]),
            role=str(entry["RoleArn"]),
            requests={name: _defaulted(step["Arguments"], defaults) for name, step in jobs.items()},
            kinds={name: step["Type"] for name, step in jobs.items()},
        )

    def _of(self, kind: str) -> Iterator[tuple[AssemblyStack, str, dict[str, Any]]]:
        for stack in self._stacks.values():
            for logical, resource in stack.template.get("Resources", {}).items():
                if resource["Type"] == kind:
                    yield stack, logical, self._resolvers[stack.name].resolve(resource.get("Properties", {}))

    def _role(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"

    def _id(self, stack: AssemblyStack, logical: str) -> str:
        resource = stack.template["Resources"][logical]
        named = resource.get("Properties", {}).get(_NAMES.get(resource["Type"], ""))
        return named if isinstance(named, str) else f"{stack.name}-{logical}".lower()

    def _arn(self, stack: AssemblyStack, logical: str) -> str:
        _, service, kind = stack.template["Resources"][logical]["Type"].lower().split("::")
        name = self._id(stack, logical)
        match service:
            case "s3":
                return f"arn:aws:s3:::{name}"
            case "iam":
                return f"arn:aws:iam::{self.account}:{kind.removeprefix('managed')}/{name}"
            case "sns" | "sqs":
                return f"arn:aws:{service}:{self.region}:{self.account}:{name}"
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name}"

    def _resolver(self, stack: AssemblyStack) -> Resolver:
        resources = stack.template.get("Resources", {})
        ids = {name: self._arn(stack, name) if found["Type"] in _REFERRED_BY_ARN else self._id(stack, name)
               for name, found in resources.items() if found["Type"].count("::") == 2}  # fmt: skip
        pseudo = {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": "aws",
                  "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": stack.name,
                  "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{stack.name}/0",
                  }  # fmt: skip
        defaults = {name: found.get("Default") for name, found in stack.template.get("Parameters", {}).items()}

        def attribute(logical: str, name: str) -> str:
            return self._arn(stack, logical) if name == "Arn" else f"{self._id(stack, logical)}.{name}"

        return Resolver(
            stack.template, physical_ids=ids, parameters=defaults, pseudo=pseudo, attribute=attribute,
            output=self._output, export=self._export, zones=lambda: [f"{self.region}a", f"{self.region}b"],
        )  # fmt: skip

    def _output(self, stack: str, name: str) -> str:
        if stack not in self._stacks:
            reject("Fn::GetStackOutput", stack, "the environment has no such stack", "Synthesise all of its stacks.")
        return str(self._resolvers[stack].resolve(self._stacks[stack].template["Outputs"][name]["Value"]))

    def _export(self, name: str) -> str:
        for stack in self._stacks.values():
            for output, found in stack.template.get("Outputs", {}).items():
                if found.get("Export", {}).get("Name") == name:
                    return self._output(stack.name, output)
        reject("Fn::ImportValue", name, "no stack of the environment exports it", "Synthesise all of its stacks.")


def _label(stack: AssemblyStack, logical: str) -> str:
    part = stack.id.partition("/")[2] or stack.id
    name = _HASH.sub("", logical)
    for suffix in ("RoleDefaultPolicy", "Role", "Policy"):
        name = name.removesuffix(suffix) or name
    return f"{part}/{name}"


def _steps(found: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in found:
        yield step
        arguments = step.get("Arguments", {})
        if step["Type"] == "Condition":
            yield from _steps([*arguments.get("IfSteps", ()), *arguments.get("ElseSteps", ())])


def _defaulted(value: Any, defaults: Mapping[str, Any]) -> Any:
    """``value`` with the defaults of the pipeline's parameters, and texts where their parts are known."""
    if isinstance(value, list):
        return [_defaulted(each, defaults) for each in value]
    if not isinstance(value, dict):
        return value
    get, join = value.get("Get"), value.get("Std:Join")
    if isinstance(get, str) and get.startswith("Parameters."):
        default = defaults.get(get.removeprefix("Parameters."))
        return f"<{get}>" if default is None else default
    if isinstance(get, str):
        return f"<{get}>"
    if isinstance(join, dict):
        return str(join["On"]).join(str(_defaulted(each, defaults)) for each in join["Values"])
    return {name: _defaulted(each, defaults) for name, each in value.items()}
