"""CloudWatch log groups, saved queries, and what lets services write into them."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs

from trainyard.local.cloudformation.aws import CallError, call
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


def group_arn(name: str) -> str:
    """A log group's ARN, without the trailing `:*` that Fn::GetAtt adds."""
    return f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"


def _allowed_key(key: object) -> str:
    """A key that CloudWatch Logs may use: AWS refuses a group whose key does not name the service in its policy.

    Raises:
        CallError: No such key, or its policy leaves the service out.
    """
    described = call("kms", "DescribeKey", KeyId=key)["KeyMetadata"]
    text = call("kms", "GetKeyPolicy", KeyId=described["KeyId"], PolicyName="default")["Policy"]
    service = f"logs.{get_region()}.amazonaws.com"
    for statement in json.loads(text)["Statement"]:
        principal = statement.get("Principal", {})
        named = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement["Effect"] == "Allow" and service in (named if isinstance(named, list) else [named]):
            return str(described["Arn"])
    raise CallError(
        f"KmsKeyId: the policy of {described['Arn']} does not let {service} use it: allow it kms:Encrypt*, "
        "kms:Decrypt*, kms:ReEncrypt*, kms:GenerateDataKey* and kms:Describe*",
        "InvalidParameterException",
    )


class LogGroup(Resource):
    type = "AWS::Logs::LogGroup"
    applied: ClassVar[Mapping[str, Any]] = {"KmsKeyId": ALL, "LogGroupName": ALL, "RetentionInDays": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        given = request.properties
        name = request.name("LogGroupName", limit=512)
        call(
            "logs",
            "CreateLogGroup",
            logGroupName=name,
            kmsKeyId=_allowed_key(given["KmsKeyId"]) if "KmsKeyId" in given else None,
            tags={tag["Key"]: tag["Value"] for tag in tag_list(given)} or None,
        )
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if "RetentionInDays" in new:
            call("logs", "PutRetentionPolicy", logGroupName=identity, retentionInDays=new["RetentionInDays"])
        elif "RetentionInDays" in old:
            call("logs", "DeleteRetentionPolicy", logGroupName=identity)
        if not old:
            return
        if new.get("KmsKeyId") != old.get("KmsKeyId"):
            # The emulator has no AssociateKmsKey and no DisassociateKmsKey.
            key = _allowed_key(new["KmsKeyId"]) if "KmsKeyId" in new else None
            cloudwatch_logs._log_groups[identity]["kmsKeyId"] = key
        add, remove = tag_changes(old, new)
        if remove:
            call("logs", "UntagResource", resourceArn=group_arn(identity), tagKeys=remove)
        if add:
            call("logs", "TagResource", resourceArn=group_arn(identity), tags={t["Key"]: t["Value"] for t in add})

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": f"{group_arn(identity)}:*"}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ResourceNotFoundException"], "logs", "DeleteLogGroup", logGroupName=identity)


class ResourcePolicy(Resource):
    type = "AWS::Logs::ResourcePolicy"
    tag_shape = None
    applied: ClassVar[Mapping[str, Any]] = {"PolicyDocument": ALL, "PolicyName": ALL}

    def make(self, request: Request) -> str:
        given = request.properties
        self._put(str(given["PolicyName"]), given)
        return str(given["PolicyName"])

    @staticmethod
    def _put(name: str, properties: Properties) -> None:
        call("logs", "PutResourcePolicy", policyName=name, policyDocument=policy_text(properties["PolicyDocument"]))

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and old.get("PolicyDocument") != new["PolicyDocument"]:
            self._put(identity, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ResourceNotFoundException"], "logs", "DeleteResourcePolicy", policyName=identity)


class QueryDefinition(Resource):
    type = "AWS::Logs::QueryDefinition"
    applied: ClassVar[Mapping[str, Any]] = {"LogGroupNames": ALL, "Name": ALL, "QueryString": ALL}
    tag_shape = None

    def make(self, request: Request) -> str:
        return self._put(request.properties)

    @staticmethod
    def _put(properties: Properties, **identity: str) -> str:
        made = call(
            "logs",
            "PutQueryDefinition",
            name=properties["Name"],
            queryString=properties["QueryString"],
            logGroupNames=properties.get("LogGroupNames"),
            **identity,
        )
        return str(made["queryDefinitionId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and any(old.get(field) != new.get(field) for field in self.applied):
            self._put(new, queryDefinitionId=identity)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"QueryDefinitionId": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ResourceNotFoundException"], "logs", "DeleteQueryDefinition", queryDefinitionId=identity)


TYPES = (LogGroup, QueryDefinition, ResourcePolicy)
