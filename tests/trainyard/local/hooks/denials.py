"""Policies that allow, requests that want them, and what a denial says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import ACCOUNT, REGION

SESSION = rf"User: arn:aws:sts::{ACCOUNT}:assumed-role/role-\w+/tests is not authorized to perform: "
TRAINING_JOB = {
    "AlgorithmSpecification": {
        "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/x:1",
        "TrainingInputMode": "File",
    },
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def allow(*actions: str, resource: str = "*", **extra: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **extra}


def denied(call: Callable[..., Any], action: str, resource: str, /, **parameters: Any) -> str:
    """Calls, and holds the denial against the shape that AWS gives it."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response["Error"]
    assert answer["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    assert re.match(f"{SESSION}{re.escape(action)} on resource: {re.escape(resource)} ", answer["Message"])
    return str(answer["Message"])


def code(call: Callable[..., Any], /, **parameters: Any) -> str:
    """The error code that a call answers with; nothing when it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
