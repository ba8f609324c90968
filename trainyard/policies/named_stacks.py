"""An environment's stacks with their references resolved, and names where deployment makes them.

A name that only deployment knows is made of stack and logical id, so that references still meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_contract.errors import reject
from trainyard.assembly.stacks import AssemblyStack, stacks
from trainyard.local.readback.resolve import Resolver

_NAMES = {"AWS::S3::Bucket": "BucketName", "AWS::IAM::Role": "RoleName", "AWS::SageMaker::Pipeline": "PipelineName"}
_REFERRED_BY_ARN = frozenset(
    {"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::SecretsManager::Secret"}
)


class NamedStacks:
    """The stacks of one environment.

    Raises:
        ContractError: No such environment there, or stacks that leave account or region open.
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

    def __iter__(self) -> Iterator[AssemblyStack]:
        return iter(self._stacks.values())

    def of(self, kind: str) -> Iterator[tuple[AssemblyStack, str, dict[str, Any]]]:
        """Resources of a type: their stack, logical id and resolved properties."""
        for stack in self._stacks.values():
            for logical, resource in stack.template.get("Resources", {}).items():
                if resource["Type"] == kind:
                    yield stack, logical, self._resolvers[stack.name].resolve(resource.get("Properties", {}))

    def id(self, stack: AssemblyStack, logical: str) -> str:
        """What a reference to a resource gives, where that is no ARN."""
        resource = stack.template["Resources"][logical]
        named = resource.get("Properties", {}).get(_NAMES.get(resource["Type"], ""))
        return named if isinstance(named, str) else f"{stack.name}-{logical}".lower()

    def arn(self, stack: AssemblyStack, logical: str) -> str:
        """ARN of a resource."""
        _, service, kind = stack.template["Resources"][logical]["Type"].lower().split("::")
        name = self.id(stack, logical)
        match service:
            case "s3":
                return f"arn:aws:s3:::{name}"
            case "iam":
                kind = {"managedpolicy": "policy", "oidcprovider": "oidc-provider"}.get(kind, kind)
                return f"arn:aws:iam::{self.account}:{kind}/{name}"
            case "sns" | "sqs":
                return f"arn:aws:{service}:{self.region}:{self.account}:{name}"
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name}"

    def _resolver(self, stack: AssemblyStack) -> Resolver:
        resources = stack.template.get("Resources", {})
        ids = {name: self.arn(stack, name) if found["Type"] in _REFERRED_BY_ARN else self.id(stack, name)
               for name, found in resources.items() if found["Type"].count("::") == 2}  # fmt: skip
        pseudo = {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": "aws",
                  "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": stack.name,
                  "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{stack.name}/0",
                  }  # fmt: skip
        defaults = {name: found.get("Default") for name, found in stack.template.get("Parameters", {}).items()}

        def attribute(logical: str, name: str) -> str:
            return self.arn(stack, logical) if name == "Arn" else f"{self.id(stack, logical)}.{name}"

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
