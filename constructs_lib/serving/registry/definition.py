"""The state machine that brings an approved package into a stack, as Amazon States Language.

Every read and the one change are calls of AWS's API from Step Functions itself: there is no code to run, patch or pay
for. Expressions are JSONata. Sources, read 2026-11-21: "Transforming data with JSONata" and "AWS SDK service
integrations", Step Functions Developer Guide; UpdateStack and "Stack status codes", CloudFormation.
"""

from __future__ import annotations

from typing import Any

from constructs_lib.serving.machine import READ_RETRY, SDK

_ARRIVED = (
    "$served = $package and $status in ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS']"
)
_UPDATABLE = (
    "$status in ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'IMPORT_COMPLETE', "
    "'IMPORT_ROLLBACK_COMPLETE']"
)


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
        **_change_stack(stack, parameter),
        **_follow_stack(stack, parameter, poll_seconds),
        **_fail(topic),
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
                "token": "{% 'approval-' & $split($package, '/')[-1] & '-' & $replace($string($exists("
                         "$states.result.LastModifiedTime) ? $states.result.LastModifiedTime : "
                         "$states.result.CreationTime), /[^0-9]/, '') %}",
            },
            "Retry": READ_RETRY,
            "Next": "Stack",
        },
        "Busy": {
            "Type": "Wait",
            "Comment": "Another update of the stack is under way.",
            "Seconds": poll_seconds,
            "Next": "Newest",
        },
    }  # fmt: skip


def _look(stack: str, parameter: str, then: str) -> dict[str, Any]:
    """Read the stack: its status, what it serves, and its parameters with their values kept but for the package's."""
    found = "$states.result.Stacks[0]"
    return {
        "Type": "Task",
        "Resource": f"{SDK}cloudformation:describeStacks",
        "Arguments": {"StackName": stack},
        "Assign": {
            "status": f"{{% {found}.StackStatus %}}",
            "reason": f"{{% $exists({found}.StackStatusReason) ? {found}.StackStatusReason : '' %}}",
            "served": f"{{% $string({found}.Parameters[ParameterKey = '{parameter}'].ParameterValue) %}}",
            "parameters": f"{{% [$map({found}.Parameters, function($p) {{ $p.ParameterKey = '{parameter}' "
                          "? {'ParameterKey': $p.ParameterKey, 'ParameterValue': $package} "
                          ": {'ParameterKey': $p.ParameterKey, 'UsePreviousValue': true} })] %}",
        },
        "Retry": READ_RETRY,
        "Next": then,
    }  # fmt: skip


def _change_stack(stack: str, parameter: str) -> dict[str, Any]:
    """Update the stack once it is free."""
    return {
        "Stack": _look(stack, parameter, "IsFree"),
        "IsFree": {
            "Type": "Choice",
            "Choices": [
                {"Condition": f"{{% {_ARRIVED} %}}", "Next": "Served"},
                {"Condition": "{% $contains($status, '_IN_PROGRESS') %}", "Next": "Busy"},
                {"Condition": f"{{% {_UPDATABLE} %}}", "Next": "Update"},
            ],
            "Default": "Report",
        },
        "Update": {
            "Type": "Task",
            "Resource": f"{SDK}cloudformation:updateStack",
            "Arguments": {
                "StackName": stack,
                "UsePreviousTemplate": True,
                "Parameters": "{% $parameters %}",
                "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                "ClientRequestToken": "{% $token %}",
            },
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Assign": {"refusal": "{% $states.errorOutput.Error & ': ' & $states.errorOutput.Cause %}"},
                    "Next": "WhyNot",
                }
            ],
            "Next": "Settle",
        },
        "WhyNot": {
            "Type": "Choice",
            "Choices": [
                # Somebody else's update began between the look and the call.
                {"Condition": "{% $contains($refusal, '_IN_PROGRESS') or $contains($refusal, 'hrottl') "
                              "or $contains($refusal, 'Rate exceeded') %}", "Next": "Busy"},
                {"Condition": "{% $contains($refusal, 'TokenAlreadyExists') %}", "Next": "Settle"},
                {"Condition": "{% $contains($refusal, 'No updates are to be performed') %}", "Next": "Served"},
            ],
            "Default": "Refused",
        },
        "Refused": {
            "Type": "Pass",
            "Assign": {"status": "refused", "reason": "{% $refusal %}"},
            "Next": "Report",
        },
    }  # fmt: skip


def _follow_stack(stack: str, parameter: str, poll_seconds: int) -> dict[str, Any]:
    """Wait for the update to end, well or not."""
    return {
        "Settle": {"Type": "Wait", "Seconds": poll_seconds, "Next": "Outcome"},
        "Outcome": _look(stack, parameter, "HasSettled"),
        "HasSettled": {
            "Type": "Choice",
            "Choices": [
                {"Condition": f"{{% {_ARRIVED} %}}", "Next": "Served"},
                {"Condition": "{% $contains($status, '_IN_PROGRESS') %}", "Next": "Settle"},
            ],
            "Default": "Report",
        },
    }


def _fail(topic: str | None) -> dict[str, Any]:
    """End as failed, with a reason, and tell whoever wants to know."""
    text = "{% $package & ' is not served: the stack is ' & $status & '. ' & $reason %}"
    report: dict[str, Any] = {"Type": "Pass", "Next": "Failed"}
    if topic is not None:
        report = {
            "Type": "Task",
            "Resource": f"{SDK}sns:publish",
            "Arguments": {"TopicArn": topic, "Subject": "An approved model package is not served", "Message": text},
            "Retry": READ_RETRY,
            # Whether or not anybody could be told, the execution fails for its own reason.
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Failed",
        }
    return {"Report": report, "Failed": {"Type": "Fail", "Error": "NotServed", "Cause": text}}
