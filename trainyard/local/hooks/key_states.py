"""What becomes of KMS keys: only as their states allow, and told to EventBridge as CloudTrail does.

A key that waits for its deletion can be saved until the day comes; then it is gone, here not before the cloud is.

Sources, read 2026-11-22: "Key states of AWS KMS keys" and "Logging AWS KMS API calls with AWS CloudTrail", AWS KMS
Developer Guide; "AWS service events delivered via AWS CloudTrail", EventBridge User Guide.
"""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import kms

from trainyard.local.hooks.announcing import announce_of
from trainyard.local.hooks.replies import Reply, json_error

Operation = Callable[[Mapping[str, Any]], Reply]

_SERVICE = "kms"
_PENDING = "PendingDeletion"
# Operation → the function that answers it, and whether it is about a key that waits for its deletion.
_OPERATIONS = {
    "ScheduleKeyDeletion": ("_schedule_key_deletion", False),
    "CancelKeyDeletion": ("_cancel_key_deletion", True),
    "EnableKey": ("_enable_key", False),
    "DisableKey": ("_disable_key", False),
}


def install() -> None:
    """Puts the hooks in their places."""
    for operation, (function, pending) in _OPERATIONS.items():
        setattr(kms, function, _told(operation, _by_state(getattr(kms, function), pending=pending)))


def refusal(key: Mapping[str, Any]) -> tuple[str, str] | None:
    """Error code and message for whoever uses a key as it is, or None when it can be used."""
    match key["KeyState"]:
        case "Enabled":
            return None
        case "Disabled":
            return "DisabledException", f"{key['Arn']} is disabled."
        case "PendingDeletion" | "PendingReplicaDeletion":
            return "KMSInvalidStateException", f"{key['Arn']} is pending deletion."
        case other:
            return "KMSInvalidStateException", f"{key['Arn']} is {other}."


def _by_state(original: Operation, *, pending: bool) -> Operation:
    @functools.wraps(original)
    def change(request: Mapping[str, Any]) -> Reply:
        key = kms._resolve_key(request.get("KeyId", ""))
        if key is not None and (key["KeyState"] == _PENDING) != pending:
            message = f"{key['Arn']} is {'not ' if pending else ''}pending deletion."
            return json_error("KMSInvalidStateException", message)
        return original(request)

    return change


def _told(operation: str, original: Operation) -> Operation:
    @functools.wraps(original)
    def change(request: Mapping[str, Any]) -> Reply:
        reply = original(request)
        status, _, body = reply
        if status == 200:
            account, region = responses.get_account_id(), responses.get_region()
            detail = {
                "eventVersion": "1.11",
                "userIdentity": {"arn": iam_evaluator.caller_arn(), "accountId": account},
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "eventSource": f"{_SERVICE}.amazonaws.com",
                "eventName": operation,
                "awsRegion": region,
                "requestParameters": {name[0].lower() + name[1:]: value for name, value in request.items()},
                "responseElements": {name[0].lower() + name[1:]: value for name, value in json.loads(body).items()},
                "eventID": str(uuid.uuid4()),
                "readOnly": False,
                "resources": [
                    {"accountId": account, "type": "AWS::KMS::Key", "ARN": kms._resolve_key(request["KeyId"])["Arn"]}
                ],
                "eventType": "AwsApiCall",
                "managementEvent": True,
                "recipientAccountId": account,
            }
            announce_of(f"aws.{_SERVICE}", "AWS API Call via CloudTrail", detail)
        return reply

    return change
