"""Step Functions state machines."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.services import stepfunctions

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    Properties,
    Request,
    Resource,
    tag_changes,
    tag_list,
    unless_gone,
)

_CHANGING = (
    "Definition",
    "DefinitionS3Location",
    "DefinitionString",
    "DefinitionSubstitutions",
    "EncryptionConfiguration",
    "LoggingConfiguration",
    "RoleArn",
    "TracingConfiguration",
)
_UNLOGGED = {"level": "OFF", "includeExecutionData": False}
_PLAIN = {"type": "AWS_OWNED_KEY"}


def _lower(value: Any) -> Any:
    """A configuration in the words of the API, which begin with a small letter."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _lower(inner) for key, inner in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


class StateMachine(Resource):
    type = "AWS::StepFunctions::StateMachine"
    custom_name = "StateMachineName"
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_CHANGING, ALL),
        "StateMachineName": ALL,
        "StateMachineType": ALL,
        "Tags": {"Key": ALL, "Value": ALL},
    }

    def make(self, request: Request) -> str:
        given = request.properties
        labels = [{"key": tag["Key"], "value": tag["Value"]} for tag in tag_list(given)]
        made = call(
            "stepfunctions",
            "CreateStateMachine",
            name=request.name("StateMachineName", limit=80),
            type=given.get("StateMachineType"),
            tags=labels or None,
            **self._changing(given),
        )
        arn = str(made["stateMachineArn"])
        self._trace(arn, given)
        return arn

    def _changing(self, properties: Properties) -> dict[str, Any]:
        return {
            "definition": self._definition(properties),
            "roleArn": properties["RoleArn"],
            "loggingConfiguration": _lower(properties.get("LoggingConfiguration", _UNLOGGED)),
            "encryptionConfiguration": _lower(properties.get("EncryptionConfiguration", _PLAIN)),
        }

    @staticmethod
    def _definition(properties: Properties) -> str:
        ways = [name for name in ("Definition", "DefinitionS3Location", "DefinitionString") if name in properties]
        if len(ways) != 1:
            raise CallError(f"Definition: one way to give it is wanted, got {', '.join(ways) or 'none'}", "Validation")
        found = properties[ways[0]]
        if ways[0] == "DefinitionS3Location":
            where = {"Bucket": found["Bucket"], "Key": found["Key"], "VersionId": found.get("Version")}
            text = call("s3", "GetObject", **where)["Body"].read().decode()
        else:
            text = found if isinstance(found, str) else json.dumps(found)
        values = properties.get("DefinitionSubstitutions", {})
        return re.sub(r"\$\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), text)

    @staticmethod
    def _trace(arn: str, properties: Properties) -> None:
        # The emulator's operations take no tracingConfiguration; there is no X-Ray that a trace could reach.
        tracing = _lower(properties.get("TracingConfiguration", {"enabled": False}))
        stepfunctions._state_machines[arn]["tracingConfiguration"] = tracing

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        if any(old.get(field) != new.get(field) for field in _CHANGING):
            call("stepfunctions", "UpdateStateMachine", stateMachineArn=identity, **self._changing(new))
            self._trace(identity, new)
        add, remove = tag_changes(old, new)
        if remove:
            call("stepfunctions", "UntagResource", resourceArn=identity, tagKeys=remove)
        if add:
            labels = [{"key": tag["Key"], "value": tag["Value"]} for tag in add]
            call("stepfunctions", "TagResource", resourceArn=identity, tags=labels)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = call("stepfunctions", "DescribeStateMachine", stateMachineArn=identity)
        return {"Arn": identity, "Name": found["name"], "StateMachineRevisionId": found.get("revisionId", "")}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["StateMachineDoesNotExist"], "stepfunctions", "DeleteStateMachine", stateMachineArn=identity)


TYPES = (StateMachine,)
