"""The rules as a plug-in of CDK's validation, over templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import aws_cdk as cdk
import jsii

from constructs_lib.guardrails.guard.program import Breach, Guard
from constructs_lib.validation import Template, TemplateReview, Violation

_AT_ONCE = 2


@jsii.implements(cdk.IPolicyValidationPlugin)
class GuardRules(TemplateReview):
    """Refuses templates that break AWS's published Guard rules, or this project's."""

    title = "CfnGuard"

    def violations(self, templates: Sequence[Template]) -> Iterable[Iterable[Violation]]:
        guard = Guard()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda one: [_violation(breach) for breach in guard.breaches(one.file)], templates))


def _violation(breach: Breach) -> Violation:
    return Violation(rule=f"CfnGuard-{breach.rule}", resource=breach.resource, says=f": {breach.says}")
