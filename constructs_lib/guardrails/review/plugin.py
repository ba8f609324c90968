"""The review as a plug-in of CDK's validation: over templates, so that it sees what is deployed, whatever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import jsii

from constructs_lib.guardrails.review.findings import Allowed, Finding, policy
from constructs_lib.guardrails.review.identity import granted, trusted
from constructs_lib.guardrails.review.resources import POLICIES, opened
from constructs_lib.validation import Template, TemplateReview, Violation

Rule = Callable[[Allowed], Iterator[Finding]]
_IDENTITY = frozenset({"AWS::IAM::GroupPolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy",
                       "AWS::IAM::UserPolicy"})  # fmt: skip


@jsii.implements(cdk.IPolicyValidationPlugin)
class PolicyReview(TemplateReview):
    """Refuses roles, trusts and policies of resources that are too wide."""

    title = "PolicyReview"

    def violations(self, templates: Sequence[Template]) -> Iterable[Iterable[Violation]]:
        for template in templates:
            yield (_violation(finding) for finding in review(template.read(), template.stack.account_id or ""))


def review(template: Mapping[str, Any], account: str) -> Iterator[Finding]:
    """Findings in one template.

    Args:
        template: As it was synthesised.
        account: The stack's, twelve digits.
    """
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        for rule, place, given in _documents(resource["Type"], properties):
            document = policy(given, account)
            if document is None:
                yield Finding(rule="UnreadablePolicy", what=place, resource=name, place=f"Properties.{place}",
                              why="nobody can say before a deployment what it allows",
                              way_out="Write statements, or JSON whose text is whole but for references.")  # fmt: skip
                continue
            for rank, statement in enumerate(_listed(document.get("Statement", ()))):
                if statement.get("Effect") == "Allow":
                    where = f"Properties.{place}.Statement.{rank}"
                    yield from rule(Allowed(resource=name, place=where, statement=statement, account=account))


def _documents(kind: str, properties: Mapping[str, Any]) -> Iterator[tuple[Rule, str, Any]]:
    if kind in _IDENTITY:
        yield granted, "PolicyDocument", properties["PolicyDocument"]
    elif kind in POLICIES and POLICIES[kind] in properties:
        yield opened, POLICIES[kind], properties[POLICIES[kind]]
    elif kind == "AWS::IAM::Role":
        yield trusted, "AssumeRolePolicyDocument", properties["AssumeRolePolicyDocument"]
        for rank, policy in enumerate(properties.get("Policies", ())):
            yield granted, f"Policies.{rank}.PolicyDocument", policy["PolicyDocument"]


def _violation(finding: Finding) -> Violation:
    return Violation(
        rule=finding.id,
        resource=finding.resource,
        says=f", {finding.place}: got {finding.what}, but {finding.why}.",
        place=finding.place,
        way_out=finding.way_out,
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
