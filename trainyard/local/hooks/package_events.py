"""What SageMaker tells EventBridge of model packages.

Source: "SageMaker model package state change", Events that Amazon SageMaker AI sends to Amazon EventBridge, SageMaker
Developer Guide, read 2026-11.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import threading
import time
from typing import Any

from ministack.services import eventbridge

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.operations import Answer, Caller
from trainyard.local.hooks.routing import Answering

_DETAIL = ("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageStatus",
           "ModelApprovalStatus", "ModelPackageDescription", "CreationTime")  # fmt: skip


_UNSETTLED = ("Pending", "InProgress")
_LOOK_SECONDS = 0.2


class Announcing:
    """A service whose packages are announced when a request made or changed them, and when their validation ended."""

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
            if self._announce(arn, caller) in _UNSETTLED and name == "CreateModelPackage":
                # The bus of an account is found in the context of the request.
                run = contextvars.copy_context().run
                threading.Thread(target=run, args=(self._follow, arn, caller), daemon=True).start()
        return answer

    def _describe(self, arn: str, caller: Caller) -> dict[str, Any]:
        return self._service.call("DescribeModelPackage", {"ModelPackageName": arn}, caller)

    def _announce(self, arn: str, caller: Caller) -> str:
        """Tells the bus how the package is, and gives its status."""
        package = self._describe(arn, caller)
        detail = {field: package[field] for field in _DETAIL if field in package}
        entry = {
            "Source": "aws.sagemaker",
            "DetailType": "SageMaker Model Package State Change",
            "Detail": json.dumps(detail),
            "Resources": [arn],
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        return str(package["ModelPackageStatus"])

    def _follow(self, arn: str, caller: Caller) -> None:
        """Announces the package once more when its validation has ended; nothing if it is deleted before."""
        with contextlib.suppress(ServiceError):
            while self._describe(arn, caller)["ModelPackageStatus"] in _UNSETTLED:
                time.sleep(_LOOK_SECONDS)
            self._announce(arn, caller)
