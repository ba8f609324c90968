"""Application Auto Scaling behind the cloud's front door: boto3's way in, and who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import VARIANT

REGISTER = {"Effect": "Allow", "Action": "application-autoscaling:RegisterScalableTarget", "Resource": "*"}


def refusal(client: Any, operation: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)(**request)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_role_may_what_its_policy_says_and_nothing_else(
    role: Callable[..., str], as_role: Callable[[str], Callable[[str], Any]]
) -> None:
    scaling = as_role(role(REGISTER))("application-autoscaling")
    request = {**VARIANT, "MinCapacity": 1, "MaxCapacity": 2}
    # The endpoint is missing: the request went past the door.
    assert refusal(scaling, "register_scalable_target", **request)[0] == "ValidationException"
    code, message = refusal(scaling, "deregister_scalable_target", **VARIANT)
    assert code.startswith("AccessDenied")
    assert "application-autoscaling:DeregisterScalableTarget" in message


def test_errors_are_the_ones_that_clients_know(client: Callable[[str], Any]) -> None:
    scaling = client("application-autoscaling")
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match="No scalable target registered"):
        scaling.deregister_scalable_target(**VARIANT)
    with pytest.raises(scaling.exceptions.ResourceNotFoundException):
        scaling.list_tags_for_resource(
            ResourceARN="arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/x"
        )
    pages = scaling.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="sagemaker")
    assert [row for page in pages for row in page["ScalingPolicies"]] == []
