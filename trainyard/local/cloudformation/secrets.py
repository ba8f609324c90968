"""Secrets, made up or given, and what an attachment adds to one: where its database is."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    tag_changes,
    tag_list,
    unless_gone,
)

_GENERATED = ("ExcludeCharacters", "ExcludeLowercase", "ExcludeNumbers", "ExcludePunctuation", "ExcludeUppercase",
              "IncludeSpace", "PasswordLength", "RequireEachIncludedType")  # fmt: skip
_CONTENT = ("GenerateSecretString", "SecretString")
_ATTACHED = ("engine", "host", "port", "dbname", "dbInstanceIdentifier")


class Secret(Resource):
    type = "AWS::SecretsManager::Secret"
    custom_name = "Name"
    applied: ClassVar[Mapping[str, Any]] = {
        "Description": ALL,
        "GenerateSecretString": dict.fromkeys((*_GENERATED, "GenerateStringKey", "SecretStringTemplate"), ALL),
        "KmsKeyId": ALL,
        "Name": ALL,
        "SecretString": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        given, labels = request.properties, tag_list(request.properties)
        made = call(
            "secretsmanager",
            "CreateSecret",
            Name=request.name("Name", limit=512),
            Description=given.get("Description"),
            KmsKeyId=given.get("KmsKeyId"),
            SecretString=_text(given),
            **({"Tags": labels} if labels else {}),
        )
        return str(made["ARN"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        if any(old.get(name) != new.get(name) for name in _CONTENT):
            call("secretsmanager", "PutSecretValue", SecretId=identity, SecretString=_text(new))
        if any(old.get(name) != new.get(name) for name in ("Description", "KmsKeyId")):
            call("secretsmanager", "UpdateSecret", SecretId=identity, Description=new.get("Description", ""),
                 KmsKeyId=new.get("KmsKeyId", "alias/aws/secretsmanager"))  # fmt: skip
        add, remove = tag_changes(old, new)
        if remove:
            call("secretsmanager", "UntagResource", SecretId=identity, TagKeys=remove)
        if add:
            call("secretsmanager", "TagResource", SecretId=identity, Tags=add)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(("ResourceNotFoundException",), "secretsmanager", "DeleteSecret", SecretId=identity,
                    ForceDeleteWithoutRecovery=True)  # fmt: skip


class TargetAttachment(Resource):
    type = "AWS::SecretsManager::SecretTargetAttachment"
    tag_shape = None
    applied: ClassVar[Mapping[str, Any]] = {"SecretId": ALL, "TargetId": ALL, "TargetType": ALL}

    def make(self, request: Request) -> str:
        return str(request.properties["SecretId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if new["TargetType"] != "AWS::RDS::DBInstance":
            raise CallError(f"TargetType: got {new['TargetType']!r}, but DB instances alone run here.", "TargetType")
        found = call("rds", "DescribeDBInstances", DBInstanceIdentifier=new["TargetId"])["DBInstances"][0]
        place = {"engine": found["Engine"], "host": found["Endpoint"]["Address"], "port": found["Endpoint"]["Port"],
                 "dbInstanceIdentifier": found["DBInstanceIdentifier"]}  # fmt: skip
        self._write(identity, {**place, **({"dbname": found["DBName"]} if found.get("DBName") else {})})

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        try:
            self._write(identity, {})
        except CallError as error:
            if error.code != "ResourceNotFoundException":
                raise

    @staticmethod
    def _write(identity: str, place: Mapping[str, Any]) -> None:
        text = call("secretsmanager", "GetSecretValue", SecretId=identity)["SecretString"]
        kept = {name: value for name, value in json.loads(text).items() if name not in _ATTACHED}
        call("secretsmanager", "PutSecretValue", SecretId=identity, SecretString=json.dumps({**kept, **place}))


def _text(properties: Properties) -> str:
    generated = properties.get("GenerateSecretString")
    if generated is None:
        return str(properties.get("SecretString", ""))
    wanted = {name: generated[name] for name in _GENERATED if name in generated}
    made = str(call("secretsmanager", "GetRandomPassword", **wanted)["RandomPassword"])
    if "SecretStringTemplate" not in generated:
        return made
    return json.dumps({**json.loads(generated["SecretStringTemplate"]), generated["GenerateStringKey"]: made})


TYPES: tuple[type[Resource], ...] = (Secret, TargetAttachment)
