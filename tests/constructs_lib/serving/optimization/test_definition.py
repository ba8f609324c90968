"""What the state machine does, executed by the embedded cloud's engine against given answers of AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.serving.optimization.definition import definition

REQUEST = {"OptimizationJobName": "llama-awq-1", "OutputConfig": {"S3OutputLocation": "s3://bucket/optimized/"}}
MACHINE = definition(request=REQUEST, poll_seconds=60, timeout_seconds=3600)

UNKNOWN = {"Error": "SageMaker.ResourceNotFoundException", "Cause": "no such job"}
IN_USE = {"Error": "SageMaker.ResourceInUseException", "Cause": "exists"}
THROTTLED = {"Error": "SageMaker.ThrottlingException", "Cause": "slow down"}
LIMIT = {"Error": "SageMaker.ResourceLimitExceededException", "Cause": "quota"}
DENIED = {"Error": "SageMaker.SageMakerException", "Cause": "not authorized"}


def job(status: str, **more: Any) -> dict[str, Any]:
    return {"OptimizationJobStatus": status, **more}


DONE = job("COMPLETED", OptimizationOutput={"RecommendedInferenceImage": "registry/djl:1"})
BROKEN = job("FAILED", FailureReason="the weights are no weights")
OK: dict[str, Any] = {"OptimizationJobArn": "arn"}


def case(looks: list[Any], creations: list[Any] | None = None, deletions: list[Any] | None = None) -> dict[str, Any]:
    return {"describeOptimizationJob": looks, "createOptimizationJob": creations or [OK],
            "deleteOptimizationJob": deletions or [OK]}  # fmt: skip


CASES = {
    "new": case([UNKNOWN, job("STARTING"), job("INPROGRESS"), DONE]),
    "runs already": case([job("INPROGRESS"), DONE]),
    "is complete": case([DONE]),
    "failed before": case([BROKEN, job("INPROGRESS"), DONE]),
    "stopped before": case([job("STOPPED"), job("INPROGRESS"), DONE]),
    "gone before it is cleared": case([BROKEN, DONE], deletions=[UNKNOWN]),
    "another is faster": case([UNKNOWN, job("INPROGRESS"), DONE], [IN_USE]),
    "throttled": case([THROTTLED, UNKNOWN, THROTTLED, DONE], [THROTTLED, OK]),
    "quota in use": case([UNKNOWN, DONE], [LIMIT, LIMIT, OK]),
    "fails": case([UNKNOWN, job("INPROGRESS"), BROKEN]),
    "is stopped": case([UNKNOWN, job("INPROGRESS"), job("STOPPING"), job("STOPPED")]),
    "deleted while it runs": case([UNKNOWN, job("INPROGRESS"), UNKNOWN, DONE]),
    "denied": case([UNKNOWN], [DENIED]),
    "not readable": case([DENIED]),
    "cannot be cleared": case([BROKEN], deletions=[DENIED]),
    "quota too small": case([UNKNOWN], [LIMIT]),
}


@pytest.fixture(scope="module")
def runs(execute: Any) -> dict[str, Any]:
    return execute(MACHINE, {}, CASES)


def actions(run: dict[str, Any]) -> list[str]:
    return [action.removesuffix("OptimizationJob") for action, _ in run["calls"]]


@pytest.mark.parametrize(
    ("name", "creations", "deletions"),
    [("new", 1, 0), ("runs already", 0, 0), ("is complete", 0, 0), ("failed before", 1, 1), ("stopped before", 1, 1),
     ("gone before it is cleared", 1, 1), ("another is faster", 1, 0), ("throttled", 2, 0), ("quota in use", 3, 0),
     ("deleted while it runs", 2, 0)],
)  # fmt: skip
def test_the_model_is_made(runs: dict[str, Any], name: str, creations: int, deletions: int) -> None:
    run = runs[name]
    assert (run["status"], run["last"]) == ("SUCCEEDED", "Done")
    assert (actions(run).count("create"), actions(run).count("delete")) == (creations, deletions)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("fails", "the weights are no weights"),
        ("is stopped", ""),
        ("denied", "SageMaker.SageMakerException: not authorized"),
        ("not readable", "SageMaker.SageMakerException: not authorized"),
        ("cannot be cleared", "SageMaker.SageMakerException: not authorized"),
        ("quota too small", "SageMaker.ResourceLimitExceededException: quota"),
    ],
)
def test_what_is_not_made_fails_with_its_reason(runs: dict[str, Any], name: str, cause: str) -> None:
    run = runs[name]
    assert (run["status"], run["error"], run["cause"]) == ("FAILED", "NotOptimized", cause)


def test_the_output_says_what_to_serve(runs: dict[str, Any]) -> None:
    assert json.loads(runs["new"]["output"]) == {
        "OptimizationJobName": "llama-awq-1",
        "ModelDataUrl": "s3://bucket/optimized/",
        "RecommendedInferenceImage": "registry/djl:1",
    }


def test_the_request_is_sent_as_it_is(runs: dict[str, Any]) -> None:
    (sent,) = [arguments for action, arguments in runs["new"]["calls"] if action == "createOptimizationJob"]
    assert sent == REQUEST
