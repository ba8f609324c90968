"""The state machine that runs one optimisation job, as Amazon States Language.

The job's name says what it does, so a second start finds the first one's job: it waits for one that runs, returns what
is complete, and replaces one that failed. Sources, read 2026-11-21: Create-, Describe- and DeleteOptimizationJob,
SageMaker API reference; "Error handling in Step Functions workflows", Step Functions Developer Guide.
"""

from __future__ import annotations

from typing import Any

from constructs_lib.serving.machine import SDK

# Step Functions names errors as the AWS SDK for Java does, which adds "Exception" to some.
_UNKNOWN = ["SageMaker.ResourceNotFound", "SageMaker.ResourceNotFoundException"]
_IN_USE = ["SageMaker.ResourceInUse", "SageMaker.ResourceInUseException"]
_LIMIT = ["SageMaker.ResourceLimitExceeded", "SageMaker.ResourceLimitExceededException"]
_THROTTLED = ["SageMaker.ThrottlingException", "SageMaker.ServiceUnavailable", "States.Timeout",
              "SageMaker.SdkClientException"]  # fmt: skip
_RETRY = {"ErrorEquals": _THROTTLED, "IntervalSeconds": 5, "MaxAttempts": 8, "BackoffRate": 2, "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"}  # fmt: skip
_WHY = {"reason": "{% $states.errorOutput.Error & ': ' & $states.errorOutput.Cause %}"}


def definition(*, request: dict[str, Any], poll_seconds: int, timeout_seconds: int) -> dict[str, Any]:
    """The machine; its input does not matter, and its output holds job, address of the model and image.

    Args:
        request: Request of CreateOptimizationJob.
        poll_seconds: Pause between two looks at the job.
        timeout_seconds: Longest time for all of it.
    """
    job = {"OptimizationJobName": request["OptimizationJobName"]}
    states = {
        "Begin": {"Type": "Pass", "Assign": {"own": False, "reason": ""}, "Next": "Look"},
        "Look": {
            "Type": "Task",
            "Resource": f"{SDK}sagemaker:describeOptimizationJob",
            "Arguments": job,
            "Assign": {
                "status": "{% $states.result.OptimizationJobStatus %}",
                "reason": "{% $exists($states.result.FailureReason) ? $states.result.FailureReason : '' %}",
                "image": "{% $exists($states.result.OptimizationOutput.RecommendedInferenceImage) "
                         "? $states.result.OptimizationOutput.RecommendedInferenceImage : '' %}",
            },
            "Retry": [_RETRY],
            "Catch": [
                {"ErrorEquals": _UNKNOWN, "Next": "Create"},
                {"ErrorEquals": ["States.ALL"], "Assign": _WHY, "Next": "Failed"},
            ],
            "Next": "HowIsIt",
        },
        "HowIsIt": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $status = 'COMPLETED' %}", "Next": "Done"},
                {"Condition": "{% $status in ['STARTING', 'INPROGRESS', 'STOPPING'] %}", "Next": "Wait"},
                {"Condition": "{% $own %}", "Next": "Failed"},
            ],
            # It failed, or was stopped, in an earlier execution: this one was started to try again.
            "Default": "Clear",
        },
        "Clear": {
            "Type": "Task",
            "Resource": f"{SDK}sagemaker:deleteOptimizationJob",
            "Arguments": job,
            "Retry": [_RETRY],
            "Catch": [
                {"ErrorEquals": _UNKNOWN, "Next": "Create"},
                {"ErrorEquals": ["States.ALL"], "Assign": _WHY, "Next": "Failed"},
            ],
            "Next": "Create",
        },
        "Create": {
            "Type": "Task",
            "Resource": f"{SDK}sagemaker:createOptimizationJob",
            "Arguments": request,
            "Assign": {"own": True},
            "Retry": [
                _RETRY,
                # A quota in use is given back when another job ends.
                {"ErrorEquals": _LIMIT, "IntervalSeconds": 300, "MaxAttempts": 12, "BackoffRate": 1},
            ],
            "Catch": [
                # Another execution was faster, or what was deleted is not gone yet.
                {"ErrorEquals": _IN_USE, "Next": "Wait"},
                {"ErrorEquals": ["States.ALL"], "Assign": _WHY, "Next": "Failed"},
            ],
            "Next": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": poll_seconds, "Next": "Look"},
        "Done": {
            "Type": "Pass",
            "Output": {
                **job,
                "ModelDataUrl": request["OutputConfig"]["S3OutputLocation"],
                "RecommendedInferenceImage": "{% $image %}",
            },
            "End": True,
        },
        "Failed": {"Type": "Fail", "Error": "NotOptimized", "Cause": "{% $reason %}"},
    }  # fmt: skip
    return {
        "Comment": f"Optimises a model: {request['OptimizationJobName']}",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": timeout_seconds,
        "StartAt": "Begin",
        "States": states,
    }
