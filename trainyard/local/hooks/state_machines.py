"""Calls that state machines make of CloudFormation and SageMaker, each with a session of the machine's own role.

The emulator's Step Functions knows neither service. A call takes a client's road over HTTP, so what the role may not do
is refused here as on AWS. Names of errors: "Error handling in Step Functions workflows" and the AWS SDK for Java, whose
names Step Functions shows (read 2026-11).
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions
from ministack.services import stepfunctions

PRINCIPAL = "states.amazonaws.com"
_PREFIXES = {"cloudformation": "CloudFormation", "sagemaker": "SageMaker"}
"""Services that are called so, and how Step Functions writes them."""
_role: contextvars.ContextVar[str] = contextvars.ContextVar("role of the state machine")

RoleClient = Callable[[str, str], Any]


class StateMachines:
    """The road from a task to the cloud's own services."""

    def __init__(self, client: RoleClient) -> None:
        """Composes it.

        Args:
            client: gives a boto3 client (service, role ARN) with a session that Step Functions opened.
        """
        self._open = client
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._elsewhere: Callable[[str, Any], Any] = stepfunctions._invoke_aws_sdk_integration
        self._task: Callable[..., Any] = stepfunctions._execute_task

    def install(self) -> None:
        """Puts it before the emulator's own calls."""
        stepfunctions._invoke_aws_sdk_integration = self.call
        stepfunctions._execute_task = self._execute

    def _execute(self, state: Any, given: Any, execution: Mapping[str, Any], context: Any) -> Any:
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        token = _role.set(machine.get("roleArn", ""))
        try:
            return self._task(state, given, execution, context)
        finally:
            _role.reset(token)

    def call(self, resource: str, arguments: Any) -> Any:
        """Answers ``arn:aws:states:::aws-sdk:SERVICE:OPERATION``.

        Raises:
            _ExecutionError: The service refused the call; Retry and Catch of the task see its name.
        """
        service, _, operation = resource.rpartition("aws-sdk:")[2].partition(":")
        if service not in _PREFIXES:
            return self._elsewhere(resource, arguments)
        client = self._client(service, _role.get())
        try:
            answer = client._make_api_call(operation[:1].upper() + operation[1:], arguments or {})
        except botocore.exceptions.ClientError as error:
            found = error.response["Error"]
            raise stepfunctions._ExecutionError(
                _name(service, client, found["Code"]), found.get("Message", "")
            ) from None
        except botocore.exceptions.BotoCoreError as error:
            raise stepfunctions._ExecutionError("States.Runtime", str(error)) from None
        answer.pop("ResponseMetadata", None)
        return _plain(answer)

    def _client(self, service: str, role: str) -> Any:
        with self._lock:
            if (service, role) not in self._clients:
                self._clients[service, role] = self._open(service, role)
            return self._clients[service, role]


def _name(service: str, client: Any, code: str) -> str:
    """What an error is called in a definition: its class in the AWS SDK for Java, behind the service."""
    prefix = _PREFIXES[service]
    known = {shape.error_code: shape.name for shape in client.meta.service_model.error_shapes}
    name = known.get(code, f"{prefix}Exception")
    return f"{prefix}.{name if name.endswith('Exception') else f'{name}Exception'}"


def _plain(value: Any) -> Any:
    """An answer as a state holds it: moments are text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
