"""Debugger and the profiler of SageMaker, which both come to their end: what they take, and a warning that says so.

Sources, read 2026-11-21: DebugHookConfig, DebugRuleConfiguration, ProfilerConfig and ProfilerRuleConfiguration of
CreateTrainingJob, API reference; "Amazon SageMaker Debugger availability change" (closed to new customers) and
"Amazon SageMaker Profiler availability change" (ends), SageMaker Developer Guide.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.training.image import ContainerImage, DeepLearningImage
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.images import DEBUGGER_RULES
from ml_contract.instances import instance

DEBUGGER_CLOSED = date(2026, 7, 30)
PROFILER_ENDS = date(2027, 6, 30)
MOST_RULES = 20


class Collection(Value):
    """Tensors that the hook saves together."""

    name: str = Field(min_length=1, max_length=256)
    """Name of the collection, for example ``gradients``."""
    parameters: dict[str, str] = Field(default_factory=dict, max_length=20)
    """Its parameters, for example ``save_interval``; none by default."""


class EvaluationRule(Value):
    """A rule that a processing job beside the training evaluates."""

    name: str = Field(min_length=1, max_length=256)
    """Name of the rule in the job."""
    builtin: str | None = Field(default=None, min_length=1, max_length=256)
    """AWS's own rule, for example ``VanishingGradient``; either this or ``image``."""
    image: ContainerImage | None = None
    """Image of an evaluator of your own; either this or ``builtin``."""
    parameters: dict[str, str] = Field(default_factory=dict, max_length=99)
    """Parameters of the rule; none by default."""
    instance_type: str | None = None
    """Type of the evaluator's host, which AWS chooses and gives for built-in rules; an own image needs one."""
    volume_gib: int | None = Field(default=None, ge=1, le=16384)
    """Volume of that host in GiB; an own image needs one."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.builtin is None) == (self.image is None):
            reject("builtin", self.builtin, "either builtin or image is given", "Give one of the two.")
        own = self.image is not None
        if own != (self.instance_type is not None) or own != (self.volume_gib is not None):
            reject("instance_type", self.instance_type,
                   f"an evaluator of your own, and no other, has a host and a volume (volume_gib is {self.volume_gib})",
                   "Give both beside image, or neither.")  # fmt: skip
        if self.instance_type is not None:
            instance(self.instance_type)
        return self

    def bind(self, scope: Construct, role: iam.IRole) -> dict[str, Any]:
        """Let ``role`` pull the evaluator and give its entry in the request."""
        image = self.image or DeepLearningImage(image=DEBUGGER_RULES)
        image.grant_pull(role)
        invoked = {"rule_to_invoke": self.builtin} if self.builtin else {}
        host = {"InstanceType": self.instance_type, "VolumeSizeInGB": self.volume_gib} if self.instance_type else {}
        parameters = {**invoked, **self.parameters}
        return {"RuleConfigurationName": self.name, "RuleEvaluatorImage": image.uri(scope), **host,
                **({"RuleParameters": parameters} if parameters else {})}  # fmt: skip


class Debugger(Value):
    """SageMaker Debugger: a hook that saves tensors, and rules that look at them; for accounts that have used it."""

    location: Location
    """Where tensors go."""
    hook_parameters: dict[str, str] = Field(default_factory=dict, max_length=20)
    """Parameters of the hook; none by default."""
    collections: tuple[Collection, ...] = Field(default=(), max_length=20)
    """What is saved; losses alone by default."""
    rules: tuple[EvaluationRule, ...] = Field(default=(), max_length=MOST_RULES)
    """What is looked for; nothing by default."""

    def bind(self, scope: Construct, role: iam.IRole) -> dict[str, Any]:
        """Grant what it needs to ``role``, warn ``scope``, and give the fields of the training request."""
        _warn(scope, "debugger", "Debugger", f"is closed to new customers since {DEBUGGER_CLOSED}",
              "Leave it out: Watching says who sees the figures.")  # fmt: skip
        self.location.grant_read_write(role)
        hook: dict[str, Any] = {"S3OutputPath": self.location.uri}
        if self.hook_parameters:
            hook["HookParameters"] = self.hook_parameters
        if self.collections:
            hook["CollectionConfigurations"] = [
                {"CollectionName": entry.name, "CollectionParameters": entry.parameters} for entry in self.collections
            ]
        rules = [rule.bind(scope, role) for rule in self.rules]
        return {"DebugHookConfig": hook, **({"DebugRuleConfigurations": rules} if rules else {})}


class Profiler(Value):
    """SageMaker's profiler: figures of the system at an interval, and rules that look at them."""

    location: Location
    """Where figures go."""
    interval_milliseconds: Literal[100, 200, 500, 1000, 5000, 60000] = 500
    """Time between two figures."""
    parameters: dict[str, str] = Field(default_factory=dict, max_length=20)
    """Further parameters; none by default."""
    rules: tuple[EvaluationRule, ...] = Field(default=(), max_length=MOST_RULES)
    """What is looked for; nothing by default."""

    def bind(self, scope: Construct, role: iam.IRole) -> dict[str, Any]:
        """Grant what it needs to ``role``, warn ``scope``, and give the fields of the training request."""
        _warn(scope, "profiler", "Profiler", f"ends on {PROFILER_ENDS}",
              "Leave it out: Watching(profile_step=…) records with torch.profiler.")  # fmt: skip
        self.location.grant_read_write(role)
        profiler = {
            "S3OutputPath": self.location.uri,
            "ProfilingIntervalInMilliseconds": self.interval_milliseconds,
            "DisableProfiler": False,
            **({"ProfilingParameters": self.parameters} if self.parameters else {}),
        }
        rules = [rule.bind(scope, role) for rule in self.rules]
        return {"ProfilerConfig": profiler, **({"ProfilerRuleConfigurations": rules} if rules else {})}


def _warn(scope: Construct, field: str, name: str, what: str, way_out: str) -> None:
    cdk.Annotations.of(scope).add_warning_v2(
        f"trainyard:{field}-ends", f"{field}: got {name}, but SageMaker {name} {what}. {way_out}"
    )
