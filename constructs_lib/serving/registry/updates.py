"""States that update a stack, follow the update to its end, and say why it did not end well."""

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

# Newest first, of every update: only this one's carry its token.
_FIRST_FAILURE = (
    "{% ($failed := $states.result.StackEvents[ClientRequestToken = $token and $contains(ResourceStatus, '_FAILED') "
    "and $exists(ResourceStatusReason)]; $exists($failed) "
    "? $failed[-1].LogicalResourceId & ': ' & $failed[-1].ResourceStatusReason : $reason) %}"
)


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


def change(stack: str, parameter: str) -> dict[str, Any]:
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


def follow(stack: str, parameter: str, poll_seconds: int) -> dict[str, Any]:
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
            "Default": "Why",
        },
        "Why": {
            "Type": "Task",
            "Comment": "A stack that was rolled back does not say why: its first event that failed does.",
            "Resource": f"{SDK}cloudformation:describeStackEvents",
            "Arguments": {"StackName": stack},
            "Assign": {"reason": _FIRST_FAILURE},
            # Events of large stacks may be too much for a state: the failure is told without them.
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Report"}],
            "Next": "Report",
        },
    }


def fail(topic: str | None) -> dict[str, Any]:
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
