"""Reviews of what was synthesised, as plug-ins of CDK's validation.

A review reads templates, so that it sees what is deployed, whatever wrote it.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import aws_cdk as cdk
from constructs import IConstruct

Accepts = Callable[[str, str], str | None]
"""Gives the reason why a violation of a rule is accepted at a place, or None. The place is the path of the stack and
the logical id without its hash, for example ``Prod/Storage/StorageAccessLogs``."""
_HASH = re.compile(r"[0-9A-F]{8}$")


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule that a resource breaks."""

    rule: str
    """By which it is acknowledged."""
    resource: str
    """Logical id."""
    says: str
    """What is wrong, after the resource's path."""
    place: str = "Properties"
    """Where in the resource."""
    way_out: str | None = None
    """What to write instead, a full sentence; None where ``says`` has it."""


class PlugIn(ABC):
    """What CDK asks of every plug-in; a subclass implements ``IPolicyValidationPlugin`` in jsii's way."""

    title: ClassVar[str]
    """Its name in reports, and before the rules that it acknowledges."""

    @property
    def name(self) -> str:
        return self.title

    @property
    def version(self) -> str | None:
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        return None

    @abstractmethod
    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the whole app."""


class TemplateReview(PlugIn):
    """A plug-in that looks at templates alone."""

    def __init__(self, accepted: Accepts = lambda _rule, _place: None) -> None:
        """Make the plug-in.

        Args:
            accepted: What may be, and why; nothing by default.
        """
        self._accepted = accepted

    @abstractmethod
    def violations(self, templates: Sequence[Template]) -> Iterable[Iterable[Violation]]:
        """What is found in each template, in their order."""

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the templates of the whole app."""
        templates = [Template(stack=stack) for stack in context.stack_templates]
        reported = []
        for template, found in zip(templates, self.violations(templates), strict=True):
            acknowledgements: dict[str, str] = {}
            for violation in found:
                resource = _HASH.sub("", violation.resource)
                # The stack acknowledges, for a template names no construct: so the rule names the resource.
                rule = f"{violation.rule}@{resource}"
                reason = self._accepted(violation.rule, f"{template.path}/{resource}")
                if reason:
                    acknowledgements[f"{self.name}::{rule}"] = reason
                reported.append(template.reported(violation, rule))
            if acknowledgements:
                scope = construct_at(context.app_construct, template.path)
                given = [cdk.Acknowledgment(id=name, reason=reason) for name, reason in acknowledgements.items()]
                cdk.Validations.of(scope).acknowledge(*given)
        return cdk.PolicyValidationPluginReport(success=not reported, violations=reported)


@dataclass(frozen=True, kw_only=True)
class Template:
    """One stack as it was synthesised."""

    stack: cdk.PolicyValidationStack

    @property
    def path(self) -> str:
        """The stack's, for example ``Prod/Storage``."""
        return self.stack.stack_construct_path

    @property
    def file(self) -> Path:
        """Where it was written."""
        return Path(self.stack.template_path)

    def read(self) -> Mapping[str, Any]:
        """The template."""
        content: Mapping[str, Any] = json.loads(self.file.read_text())
        return content

    def reported(self, violation: Violation, rule: str) -> cdk.PolicyViolation:
        """A violation as CDK shows it."""
        return cdk.PolicyViolation(
            rule_name=rule,
            description=f"{self.path}/{violation.resource}{violation.says}",
            fix=violation.way_out,
            violating_resources=[
                cdk.PolicyViolatingResource(
                    resource_logical_id=violation.resource, template_path=str(self.file), locations=[violation.place]
                )
            ],
        )


def construct_at(scope: IConstruct, path: str) -> IConstruct:
    """The construct at a path, for example ``Prod/Network``.

    Args:
        scope: Where the path begins: the app.
        path: Ids, parted by slashes.

    Raises:
        RuntimeError: There is none.
    """
    for part in path.split("/"):
        scope = scope.node.find_child(part)
    return scope
