"""What holds for every stack: tags, CDK's own validation and the rules of cdk-nag."""

from __future__ import annotations

import functools

import aws_cdk as cdk
import jsii
from cdk_nag import AwsSolutionsChecks

from constructs_lib.budgets.untagged import TagReview
from constructs_lib.guardrails.guard import GuardRules
from constructs_lib.guardrails.review import PolicyReview
from constructs_lib.validation import PlugIn, construct_at
from stacks.acknowledgements import reason_for
from stacks.environment import Environment

STRICT = {"@aws-cdk/core:failSynthOnValidationErrors": True, "@aws-cdk/core:appMode": "inmemory"}
"""Context that lets a violation in any environment end every command. The CLI alone looks at the stacks that it was
asked for, and `cdk synth` without a pattern asks for none inside a stage."""


@jsii.implements(cdk.IPolicyValidationPlugin)
class ReviewedChecks(PlugIn):
    """The rules of cdk-nag, with what was acknowledged.

    The id of a finding holds the resolved reference to another stack, which exists only once templates are written: so
    findings are acknowledged while they are found, in CDK's own way, and the report shows them with their reasons.
    """

    title = "AwsSolutions"

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the whole app."""
        report = AwsSolutionsChecks().validate_scope(context.app_construct)
        # Several findings are of one resource, and each step of the way to it is a call into another process.
        find = functools.cache(functools.partial(construct_at, context.app_construct))
        for violation in report.violations:
            for resource in violation.violating_resources:
                path = resource.construct_path or ""
                reason = reason_for(violation.rule_name, path)
                if reason:
                    finding = cdk.Acknowledgment(id=f"{self.name}::{violation.rule_name}", reason=reason)
                    cdk.Validations.of(find(path)).acknowledge(finding)
        return report


STATEFUL = ("AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SageMaker::MlflowApp",
            "AWS::SageMaker::ModelPackageGroup")  # fmt: skip
"""Types that lose something when they are deleted."""


def guard_stage(stage: cdk.Stage, environment: Environment) -> None:
    """Tag everything in ``stage``, and let nothing that holds data go against the environment's will.

    For each stage, because what is said of an app does not reach into its stages.
    """
    for key, value in environment.cost_tags().items():
        cdk.Tags.of(stage).add(key, value)
    cdk.MissingRemovalPolicies.of(stage).apply(environment.removal, apply_to_resource_types=list(STATEFUL))


def guard(app: cdk.App) -> None:
    """Hold every stack of ``app`` against the house's rules when it synthesises."""
    cdk.Validations.of(app).add_plugins(ReviewedChecks(), PolicyReview(reason_for), GuardRules(reason_for), TagReview())
