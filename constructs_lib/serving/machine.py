"""State machines of this library: traced, and logged under a key."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from constructs_lib.retention import RETENTION, LogDays

SDK = "arn:aws:states:::aws-sdk:"
"""What a call of an AWS API from a state machine begins with."""
READ_RETRY: list[dict[str, Any]] = [
    {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 6, "BackoffRate": 2,
     "MaxDelaySeconds": 60, "JitterStrategy": "FULL"},
]  # fmt: skip
"""For calls that change nothing: whatever went wrong, they are sent again for some minutes."""
MOST_EVENTS = 25000
"""In the history of one execution. Source: "Quotas", Step Functions Developer Guide, read 2026-11-21."""


class Machine(Construct):
    """A state machine, its role without any right but to log and trace, and its log."""

    resource: stepfunctions.StateMachine

    def __init__(
        self, scope: Construct, construct_id: str, *, document: dict[str, Any], key: kms.IKey, log_days: LogDays
    ) -> None:
        """Build machine and log.

        Args:
            scope: Parent.
            construct_id: Construct id.
            document: Definition, with the references of this stack.
            key: Key of the log, which the log service may use (``constructs_lib.encryption.let_log_service_use``).
            log_days: Days that the log is kept.
        """
        super().__init__(scope, construct_id)
        name = cdk.Names.unique_resource_name(self, max_length=128, separator="-")
        log = logs.LogGroup(
            self,
            "Log",
            # Groups below this prefix do not fill up the account's resource policy of log deliveries.
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=RETENTION[log_days],
            encryption_key=key,
        )
        self.resource = stepfunctions.StateMachine(
            self,
            "Resource",
            definition_body=stepfunctions.DefinitionBody.from_string(cdk.Stack.of(self).to_json_string(document)),
            tracing_enabled=True,
            logs=stepfunctions.LogOptions(
                destination=log, level=stepfunctions.LogLevel.ALL, include_execution_data=True
            ),
        )
