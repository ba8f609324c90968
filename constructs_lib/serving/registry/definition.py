"""The state machine that brings an approved package into a stack, as Amazon States Language.

Every read and the one change are calls of AWS's API from Step Functions itself: there is no code to run, patch or pay
for. Expressions are JSONata. Sources, read 2026-11-21: "Transforming data with JSONata" and "AWS SDK service
integrations", Step Functions Developer Guide; UpdateStack and "Stack status codes", CloudFormation.
"""

from __future__ import annotations

from typing import Any

from constructs_lib.serving.machine import READ_RETRY, SDK
from constructs_lib.serving.registry.updates import change, fail, follow


def definition(
    *,
    stack: str,
    parameter: str,
    group: str,
    topic: str | None,
    poll_seconds: int,
    timeout_seconds: int,
) -> dict[str, Any]:
    """The machine; its input is the event of a package.

    Args:
        stack: Id of the stack.
        parameter: Name of the stack's parameter that takes the package's ARN.
        group: Name of the package group.
        topic: ARN of the topic that is told of a failure; None: nobody is.
        poll_seconds: Pause between two looks at the stack.
        timeout_seconds: Longest time for all of it, waiting for other updates of the stack included.
    """
    states = {
        **_choose_package(group, poll_seconds),
        **change(stack, parameter),
        **follow(stack, parameter, poll_seconds),
        **fail(topic),
        "Served": {"Type": "Succeed"},
        "Overtaken": {"Type": "Succeed", "Comment": "A newer package is approved: its own execution serves it."},
    }
    return {
        "Comment": f"Serves the newest approved package of {group}",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": timeout_seconds,
        "StartAt": "Package",
        "States": states,
    }


def _choose_package(group: str, poll_seconds: int) -> dict[str, Any]:
    """Which package is the newest approved one: asked anew after every wait, so nothing older overtakes it."""
    return {
        "Package": {
            "Type": "Pass",
            "Assign": {"package": "{% $states.input.detail.ModelPackageArn %}"},
            "Next": "Newest",
        },
        "Newest": {
            "Type": "Task",
            "Resource": f"{SDK}sagemaker:listModelPackages",
            "Arguments": {
                "ModelPackageGroupName": group, "ModelApprovalStatus": "Approved", "SortBy": "CreationTime",
                "SortOrder": "Descending", "MaxResults": 1,
            },
            "Assign": {
                # None is approved when the approval was withdrawn meanwhile.
                "newest": "{% $exists($states.result.ModelPackageSummaryList[0]) "
                          "? $states.result.ModelPackageSummaryList[0].ModelPackageArn : 'none' %}",
            },
            "Retry": READ_RETRY,
            "Next": "IsNewest",
        },
        "IsNewest": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $newest = $package %}", "Next": "Approval"}],
            "Default": "Overtaken",
        },
        "Approval": {
            "Type": "Task",
            "Comment": "The same approval never updates the stack twice: SageMaker may send its event several times.",
            "Resource": f"{SDK}sagemaker:describeModelPackage",
            "Arguments": {"ModelPackageName": "{% $package %}"},
            "Assign": {
                "checked": "{% $states.result.ModelPackageStatus %}",
                "token": "{% 'approval-' & $split($package, '/')[-1] & '-' & $replace($string($exists("
                         "$states.result.LastModifiedTime) ? $states.result.LastModifiedTime : "
                         "$states.result.CreationTime), /[^0-9]/, '') %}",
            },
            "Retry": READ_RETRY,
            "Next": "IsChecked",
        },
        "IsChecked": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $checked = 'Completed' %}", "Next": "Stack"},
                {"Condition": "{% $checked = 'Failed' %}", "Next": "Unusable"},
            ],
            # SageMaker still looks at its data.
            "Default": "Busy",
        },
        "Unusable": {
            "Type": "Pass",
            "Assign": {"status": "not touched", "reason": "SageMaker could not validate the package."},
            "Next": "Report",
        },
        "Busy": {
            "Type": "Wait",
            "Comment": "Another update of the stack is under way, or the package is not validated yet.",
            "Seconds": poll_seconds,
            "Next": "Newest",
        },
    }  # fmt: skip
