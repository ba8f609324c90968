"""What SageMaker tells EventBridge of model packages.

Source: "SageMaker model package state change", Events that Amazon SageMaker AI sends to Amazon EventBridge, SageMaker
Developer Guide, read 2026-11.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eventbridge

from trainyard.local.api.operations import Answer, Caller
from trainyard.local.hooks.routing import Answering

_DETAIL = ("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageStatus",
           "ModelApprovalStatus", "ModelPackageDescription", "CreationTime")  # fmt: skip


class Announcing:
    """A service whose packages are announced when a request made or changed them."""

    def __init__(self, service: Answering) -> None:
        """Composes it.

        Args:
            service: SageMaker.
        """
        self._service = service

    def call(self, name: str, request: dict[str, Any], caller: Caller) -> Answer:
        """Answers one request, and announces the package that it was about."""
        answer = self._service.call(name, request, caller)
        if name in ("CreateModelPackage", "UpdateModelPackage"):
            arn = answer["ModelPackageArn"]
            package = self._service.call("DescribeModelPackage", {"ModelPackageName": arn}, caller)
            detail = {field: package[field] for field in _DETAIL if field in package}
            entry = {
                "Source": "aws.sagemaker",
                "DetailType": "SageMaker Model Package State Change",
                "Detail": json.dumps(detail),
                "Resources": [arn],
            }
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        return answer
