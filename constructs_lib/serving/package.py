"""A registered model package that is named when a stack is deployed."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct


class PackageParameter(Construct):
    """The parameter ``ModelPackageArn`` of a stack. Empty: there is no package yet."""

    parameter: cdk.CfnParameter
    given: cdk.CfnCondition
    """Whether a package was named; an endpoint that depends on it is made only then."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.parameter = cdk.CfnParameter(
            self,
            "Arn",
            type="String",
            default="",
            # Without this pattern a mistyped ARN would fail only when the model is created.
            allowed_pattern=r"^$|^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[A-Za-z0-9-]+/[0-9]+$",
            constraint_description="the ARN of a version in a model package group, or empty for no endpoint",
            description="Registered model package to serve; empty: no endpoint",
        )
        # Operators write this name.
        self.parameter.override_logical_id("ModelPackageArn")
        self.given = cdk.CfnCondition(
            self, "Given", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(self.arn, ""))
        )
        self.given.override_logical_id("ModelPackageGiven")

    @property
    def arn(self) -> str:
        """The package, for :class:`~constructs_lib.serving.models.RegisteredModel`."""
        return self.parameter.value_as_string

    @property
    def name(self) -> str:
        """What a deployment calls the parameter."""
        return "ModelPackageArn"
