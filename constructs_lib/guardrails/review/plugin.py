"""The review as a plug-in of CDK's validation: over templates, so that it sees what is deployed, whatever wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii

from constructs_lib.guardrails.review.findings import Allowed, Finding
from constructs_lib.guardrails.review.identity import granted, trusted
from constructs_lib.guardrails.review.paths import construct_at
from constructs_lib.guardrails.review.resources import POLICIES, opened

Accepts = Callable[[str, str], str | None]
Rule = Callable[[Allowed], Iterator[Finding]]
_HASH = re.compile(r"[0-9A-F]{8}$")
_IDENTITY = frozenset({"AWS::IAM::GroupPolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy",
                       "AWS::IAM::UserPolicy"})  # fmt: skip


@jsii.implements(cdk.IPolicyValidationPlugin)
class PolicyReview:
    """Refuses roles, trusts and policies of resources that are too wide."""

    def __init__(self, accepted: Accepts) -> None:
        """Make the plug-in.

        Args:
            accepted: Gives the reason why a finding is accepted at a place, or None. The place is the path of the stack
                and the logical id without its hash, for example ``Prod/Network/NetworkVpcFlowLogIAMRole``.
        """
        self._accepted = accepted

    @property
    def name(self) -> str:
        return "PolicyReview"

    @property
    def version(self) -> str | None:
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the templates of the whole app."""
        violations = []
        for stack in context.stack_templates:
            template = json.loads(Path(stack.template_path).read_text())
            acknowledgements: dict[str, str] = {}
            for finding in review(template, stack.account_id or ""):
                resource = _HASH.sub("", finding.resource)
                # The stack acknowledges, for a template names no construct: so the rule names the resource.
                rule = f"{finding.id}@{resource}"
                reason = self._accepted(finding.id, f"{stack.stack_construct_path}/{resource}")
                if reason:
                    acknowledgements[f"{self.name}::{rule}"] = reason
                violations.append(_violation(finding, rule, stack))
            if acknowledgements:
                scope = construct_at(context.app_construct, stack.stack_construct_path)
                found = [cdk.Acknowledgment(id=name, reason=reason) for name, reason in acknowledgements.items()]
                cdk.Validations.of(scope).acknowledge(*found)
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def review(template: Mapping[str, Any], account: str) -> Iterator[Finding]:
    """Findings in one template.

    Args:
        template: As it was synthesised.
        account: The stack's, twelve digits.
    """
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        for rule, place, document in _documents(resource["Type"], properties):
            for rank, statement in enumerate(_listed(document.get("Statement", ()))):
                if statement.get("Effect") == "Allow":
                    where = f"Properties.{place}.Statement.{rank}"
                    yield from rule(Allowed(resource=name, place=where, statement=statement, account=account))


def _documents(kind: str, properties: Mapping[str, Any]) -> Iterator[tuple[Rule, str, Mapping[str, Any]]]:
    if kind in _IDENTITY:
        yield granted, "PolicyDocument", properties["PolicyDocument"]
    elif kind in POLICIES and POLICIES[kind] in properties:
        yield opened, POLICIES[kind], properties[POLICIES[kind]]
    elif kind == "AWS::IAM::Role":
        yield trusted, "AssumeRolePolicyDocument", properties["AssumeRolePolicyDocument"]
        for rank, policy in enumerate(properties.get("Policies", ())):
            yield granted, f"Policies.{rank}.PolicyDocument", policy["PolicyDocument"]


def _violation(finding: Finding, rule: str, stack: cdk.PolicyValidationStack) -> cdk.PolicyViolation:
    where = f"{stack.stack_construct_path}/{finding.resource}, {finding.place}"
    return cdk.PolicyViolation(
        rule_name=rule,
        description=f"{where}: got {finding.what}, but {finding.why}.",
        fix=finding.way_out,
        violating_resources=[
            cdk.PolicyViolatingResource(
                resource_logical_id=finding.resource, template_path=stack.template_path, locations=[finding.place]
            )
        ],
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
