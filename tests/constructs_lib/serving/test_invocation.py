"""Who may ask an endpoint, and for what."""

import json
from typing import Any

import pytest
import serving_scenes as scenes
from policies import allows
from synthesis import actions

pytestmark = pytest.mark.slow


def asking(role: str) -> dict[str, Any]:
    (found,) = (s for s in scenes.policy(role) if any(action.startswith("sagemaker:Invoke") for action in actions(s)))
    return found


def test_a_caller_of_a_multi_model_endpoint_names_its_own_models_alone() -> None:
    statement = asking("Team")
    assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["bert-7.tar.gz", "team-a/*"]}}
    # A streamed answer names no model, so the condition would not hold it back.
    assert actions(statement) == {"sagemaker:InvokeEndpoint"}


def test_a_caller_of_one_container_names_it() -> None:
    assert asking("Painter")["Condition"] == {"StringLike": {"sagemaker:TargetContainerHostname": ["pictures"]}}


def test_a_caller_of_a_queue_writes_requests_and_reads_answers() -> None:
    statements = scenes.policy("Asker")
    assert actions(asking("Asker")) == {"sagemaker:InvokeEndpointAsync"}
    reach = {
        (action, json.dumps(statement["Resource"]).rpartition("/")[0].rpartition("/")[2])
        for statement in statements
        for action in actions(statement)
        if action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    }
    assert reach == {("s3:PutObject", "asked"), ("s3:GetObject", "answered"), ("s3:GetObject", "failed")}


def test_the_endpoint_alone_may_be_asked() -> None:
    assert json.dumps(asking("Team")["Resource"]).endswith(':endpoint/many"]]}')


def test_a_callers_own_models_are_answered_and_no_others() -> None:
    endpoint = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/many"
    statement = {**asking("Team"), "Resource": endpoint}

    def may(action: str, **context: str) -> bool:
        return allows([statement], f"sagemaker:{action}", endpoint, **context)

    for model, its_own in (("bert-7.tar.gz", True), ("team-a/x.tar.gz", True), ("bert-70.tar.gz", False),
                           ("team-b/x.tar.gz", False), ("team-a", False)):  # fmt: skip
        assert may("InvokeEndpoint", sagemaker__TargetModel=model) is its_own
    assert not may("InvokeEndpoint")
    assert not may("InvokeEndpointWithResponseStream", sagemaker__TargetModel="bert-7.tar.gz")
