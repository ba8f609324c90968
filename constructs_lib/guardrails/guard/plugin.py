"""The rules as a plug-in of CDK's validation, over templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aws_cdk as cdk
import jsii

from constructs_lib.guardrails.guard.program import Breach, Guard
from constructs_lib.guardrails.review.paths import construct_at

Accepts = Callable[[str, str], str | None]
_HASH = re.compile(r"[0-9A-F]{8}$")
_AT_ONCE = 2


@jsii.implements(cdk.IPolicyValidationPlugin)
class GuardRules:
    """Refuses templates that break AWS's published Guard rules, or this project's."""

    def __init__(self, accepted: Accepts) -> None:
        """Make the plug-in.

        Args:
            accepted: Gives the reason why a rule may be broken at a place, or None. The place is the path of the stack
                and the logical id without its hash, for example ``Prod/Storage/StorageAccessLogs``.
        """
        self._accepted = accepted

    @property
    def name(self) -> str:
        return "CfnGuard"

    @property
    def version(self) -> str | None:
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the templates of the whole app."""
        guard, stacks = Guard(), list(context.stack_templates)
        files = [Path(stack.template_path) for stack in stacks]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda file: list(guard.breaches(file)), files))
        violations = []
        for stack, breaches in zip(stacks, found, strict=True):
            acknowledgements: dict[str, str] = {}
            for breach in breaches:
                resource = _HASH.sub("", breach.resource)
                # The stack acknowledges, for a template names no construct: so the rule names the resource.
                rule = f"{breach.rule}@{resource}"
                reason = self._accepted(f"{self.name}-{breach.rule}", f"{stack.stack_construct_path}/{resource}")
                if reason:
                    acknowledgements[f"{self.name}::{rule}"] = reason
                violations.append(_violation(breach, rule, stack))
            if acknowledgements:
                scope = construct_at(context.app_construct, stack.stack_construct_path)
                given = [cdk.Acknowledgment(id=name, reason=reason) for name, reason in acknowledgements.items()]
                cdk.Validations.of(scope).acknowledge(*given)
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(breach: Breach, rule: str, stack: cdk.PolicyValidationStack) -> cdk.PolicyViolation:
    return cdk.PolicyViolation(
        rule_name=rule,
        description=f"{stack.stack_construct_path}/{breach.resource}: {breach.says}",
        violating_resources=[
            cdk.PolicyViolatingResource(
                resource_logical_id=breach.resource, template_path=stack.template_path, locations=["Properties"]
            )
        ],
    )
