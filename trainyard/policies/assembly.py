"""Principals, buckets and keys of an environment, as its templates define them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from trainyard.assembly.stacks import AssemblyStack
from trainyard.policies.documents import Policy, parse
from trainyard.policies.named_stacks import NamedStacks
from trainyard.policies.pipeline_jobs import PipelineJobs, pipeline_jobs

_HASH = re.compile(r"[0-9A-F]{8}$")
_AWS_MANAGED = ":iam::aws:policy/"


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
        self._stacks = NamedStacks(assembly, name)

    @property
    def account(self) -> str:
        """Twelve digits."""
        return self._stacks.account

    @property
    def region(self) -> str:
        """For example ``us-east-1``."""
        return self._stacks.region

    @cached_property
    def principals(self) -> list[Principal]:
        """Roles, in the order of the stacks, and policies that are for people."""
        return [*self._roles(), *self._people()]

    @cached_property
    def buckets(self) -> dict[str, Policy]:
        """Policies by name of the bucket; one without a policy has none."""
        found = {self._stacks.id(stack, logical): () for stack, logical, _ in self._stacks.of("AWS::S3::Bucket")}
        policies = {
            str(entry["Bucket"]): parse(entry["PolicyDocument"], f"bucket {_label(stack, logical)}")
            for stack, logical, entry in self._stacks.of("AWS::S3::BucketPolicy")
        }
        return {**found, **policies}

    @cached_property
    def keys(self) -> dict[str, Policy]:
        """Policies by ARN of the key."""
        return {
            self._stacks.arn(stack, logical): parse(entry["KeyPolicy"], f"key {_label(stack, logical)}")
            for stack, logical, entry in self._stacks.of("AWS::KMS::Key")
        }

    @cached_property
    def pipelines(self) -> list[PipelineJobs]:
        """Pipelines with the jobs of their definitions."""
        return [pipeline_jobs(entry) for _, _, entry in self._stacks.of("AWS::SageMaker::Pipeline")]

    @property
    def service_control_policy(self) -> dict[str, Any] | None:
        """What a stack's metadata hold for the organisation, or ``None``."""
        for stack in self._stacks:
            text = stack.template.get("Metadata", {}).get("ServiceControlPolicy")
            if text:
                return dict(json.loads(text))
        return None

    def _roles(self) -> Iterator[Principal]:
        inline: dict[str, list[Policy]] = {}
        for stack, logical, entry in self._stacks.of("AWS::IAM::Policy"):
            for role in entry.get("Roles", ()):
                inline.setdefault(self._role(role), []).append(parse(entry["PolicyDocument"], _label(stack, logical)))
        for stack, logical, entry in self._stacks.of("AWS::IAM::Role"):
            arn = self._stacks.arn(stack, logical)
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
        used = {str(each) for _, _, entry in self._stacks.of("AWS::IAM::Role")
                for each in (*entry.get("ManagedPolicyArns", ()), entry.get("PermissionsBoundary"))}  # fmt: skip
        for arn, policy in self._managed.items():
            if arn not in used and policy:
                label = policy[0].where.rpartition("/")[0]
                user = f"arn:aws:iam::{self.account}:user/{label.replace('/', '-')}"
                yield Principal(label=label, arn=user, identity=(policy,), boundary=None, trust=())

    def _role(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"

    @cached_property
    def _managed(self) -> dict[str, Policy]:
        return {
            self._stacks.arn(stack, logical): parse(entry["PolicyDocument"], _label(stack, logical))
            for stack, logical, entry in self._stacks.of("AWS::IAM::ManagedPolicy")
        }


def _label(stack: AssemblyStack, logical: str) -> str:
    part = stack.id.partition("/")[2] or stack.id
    name = _HASH.sub("", logical)
    for suffix in ("RoleDefaultPolicy", "Role", "Policy"):
        name = name.removesuffix(suffix) or name
    return f"{part}/{name}"
