"""KMS keys and their aliases."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, boolean, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    policy_text,
    tag_changes,
    tag_list,
    unless_gone,
)

_KMS_TAG = {"Key": "TagKey", "Value": "TagValue"}
_FIXED = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": False, "Origin": "AWS_KMS"}
"""What a key keeps for life, with its default. CloudFormation fails an update of it instead of replacing the key."""


class Key(Resource):
    type = "AWS::KMS::Key"
    applied: ClassVar[Mapping[str, Any]] = {
        "Description": ALL,
        "EnableKeyRotation": ALL,
        "Enabled": ALL,
        "KeyPolicy": ALL,
        "KeySpec": ALL,
        "KeyUsage": ALL,
        "MultiRegion": ALL,
        "PendingWindowInDays": ALL,
        "RotationPeriodInDays": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        self._check(given)
        made = call(
            "kms",
            "CreateKey",
            Description=given.get("Description"),
            KeySpec=given.get("KeySpec"),
            KeyUsage=given.get("KeyUsage"),
            MultiRegion=given.get("MultiRegion"),
            Policy=policy_text(given["KeyPolicy"]) if "KeyPolicy" in given else None,
            Tags=[{_KMS_TAG[k]: v for k, v in tag.items()} for tag in tag_list(given)],
        )
        return str(made["KeyMetadata"]["KeyId"])

    @staticmethod
    def _check(given: Properties) -> None:
        for name, low, high in (("PendingWindowInDays", 7, 30), ("RotationPeriodInDays", 90, 2560)):
            if name in given and not low <= int(given[name]) <= high:
                raise CallError(f"{name}: got {given[name]}, but it is between {low} and {high}", "ValidationException")
        if boolean(given.get("EnableKeyRotation", False), "EnableKeyRotation") and (
            given.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT"
        ):
            raise CallError("EnableKeyRotation: only symmetric encryption keys rotate", "UnsupportedOperationException")

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        self._check(new)
        if old:
            for name, default in _FIXED.items():
                if str(old.get(name, default)).lower() != str(new.get(name, default)).lower():
                    raise CallError(f"{name} cannot be changed after the key is created: make a new key", "Fixed")
            call("kms", "UpdateKeyDescription", KeyId=identity, Description=new.get("Description", ""))
            if "KeyPolicy" in new:
                call("kms", "PutKeyPolicy", KeyId=identity, PolicyName="default", Policy=policy_text(new["KeyPolicy"]))
            add, remove = tag_changes(old, new)
            if remove:
                call("kms", "UntagResource", KeyId=identity, TagKeys=remove)
            if add:
                tags = [{_KMS_TAG[k]: v for k, v in tag.items()} for tag in add]
                call("kms", "TagResource", KeyId=identity, Tags=tags)
        self._rotate(identity, old, new)
        enabled = boolean(new.get("Enabled", True), "Enabled")
        if enabled != boolean(old.get("Enabled", True), "Enabled"):
            call("kms", "EnableKey" if enabled else "DisableKey", KeyId=identity)

    @staticmethod
    def _rotate(identity: str, old: Properties, new: Properties) -> None:
        if boolean(new.get("EnableKeyRotation", False), "EnableKeyRotation"):
            call("kms", "EnableKeyRotation", KeyId=identity, RotationPeriodInDays=new.get("RotationPeriodInDays", 365))
        elif boolean(old.get("EnableKeyRotation", False), "EnableKeyRotation"):
            call("kms", "DisableKeyRotation", KeyId=identity)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        key = call("kms", "DescribeKey", KeyId=identity)["KeyMetadata"]
        return {"Arn": key["Arn"], "KeyId": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        window = properties.get("PendingWindowInDays", 30)
        unless_gone(
            ["NotFoundException", "KMSInvalidStateException"],
            "kms",
            "ScheduleKeyDeletion",
            KeyId=identity,
            PendingWindowInDays=window,
        )


class Alias(Resource):
    type = "AWS::KMS::Alias"
    applied: ClassVar[Mapping[str, Any]] = {"AliasName": ALL, "TargetKeyId": ALL}
    _pattern = re.compile(r"alias/(?!aws/)[a-zA-Z0-9:/_-]{1,250}")

    def make(self, request: Request) -> str:
        name = str(request.properties["AliasName"])
        if not self._pattern.fullmatch(name):
            raise CallError(f"AliasName: got {name!r}, but it is {self._pattern.pattern}", "InvalidAliasNameException")
        key = existing_key(request.properties["TargetKeyId"])
        call("kms", "CreateAlias", AliasName=name, TargetKeyId=key)
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old:
            call("kms", "UpdateAlias", AliasName=identity, TargetKeyId=existing_key(new["TargetKeyId"]))

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["NotFoundException"], "kms", "DeleteAlias", AliasName=identity)


def existing_key(reference: object) -> str:
    """The id of a key that exists and is not about to be deleted, from its id, ARN or alias.

    Raises:
        CallError: There is none.
    """
    key = call("kms", "DescribeKey", KeyId=reference)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        raise CallError(f"{key['Arn']} is pending deletion.", "KMSInvalidStateException")
    return str(key["KeyId"])


TYPES = (Key, Alias)
