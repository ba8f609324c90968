"""The two ways to make a quota by CloudFormation, and what both give."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.governance.function import QuotaFunction
from constructs_lib.values import Value

_LONGEST_MINUTES = 30
"""For the function's own time twice over: what crashed is tried again, and a lost answer ends the wait."""


class QuotaMaker(Value):
    """What stands between the template and CreateComputeQuota."""

    @abstractmethod
    def make(self, scope: Construct, construct_id: str, request: dict[str, Any], function: QuotaFunction) -> str:
        """Make a quota that ``request`` (CreateComputeQuota) describes; returns a reference to its id."""


class ByFunction(QuotaMaker):
    """A custom resource of this library: it works wherever the API does, takes up its own quota when a call was
    repeated, takes back what failed half way, and tells a foreign quota of the same name from its own."""

    def make(self, scope: Construct, construct_id: str, request: dict[str, Any], function: QuotaFunction) -> str:
        made = cdk.CustomResource(
            scope,
            construct_id,
            service_token=function.resource.function_arn,
            resource_type="Custom::TrainyardComputeQuota",
            properties={"Request": request},
            service_timeout=cdk.Duration.minutes(_LONGEST_MINUTES),
        )
        # A function without its policies would answer the first request with a denial.
        made.node.add_dependency(function.policy)
        return made.get_att_string("ComputeQuotaId")


class ByCloudFormation(QuotaMaker):
    """The type AWS::SageMaker::ComputeQuota, which CloudFormation has in 15 regions, and CDK since 2.276.0: the
    validation of an older CDK refuses it with F3006. The embedded cloud does not apply it. Source: CfnComputeQuota, AWS
    CDK API reference, read 2026-11-22."""

    def make(self, scope: Construct, construct_id: str, request: dict[str, Any], function: QuotaFunction) -> str:  # noqa: ARG002
        made = cdk.CfnResource(scope, construct_id, type="AWS::SageMaker::ComputeQuota", properties=request)
        return made.get_att("ComputeQuotaId").to_string()
