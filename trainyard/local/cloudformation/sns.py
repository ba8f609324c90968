"""SNS topics, their policies and subscriptions."""

import json
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

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

_GONE = ["NotFound", "NotFoundException"]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


class Topic(Resource):
    type = "AWS::SNS::Topic"
    custom_name = "TopicName"
    _attributes: ClassVar[Mapping[str, str]] = {"DisplayName": "", "KmsMasterKeyId": ""}
    """Attributes that may change, each with what it is when the template does not give it."""
    applied: ClassVar[Mapping[str, Any]] = {**dict.fromkeys(_attributes, ALL), "TopicName": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        given = request.properties
        key = given.get("KmsMasterKeyId")
        if key and not str(key).startswith("alias/aws/"):
            call("kms", "DescribeKey", KeyId=key)
        made = call(
            "sns",
            "CreateTopic",
            Name=request.name("TopicName", limit=256),
            Attributes={name: _text(given[name]) for name in self._attributes if name in given},
            Tags=tag_list(given) or None,
        )
        return str(made["TopicArn"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        for name, default in self._attributes.items():
            if old.get(name) != new.get(name):
                value = _text(new.get(name, default))
                call("sns", "SetTopicAttributes", TopicArn=identity, AttributeName=name, AttributeValue=value)
        add, remove = tag_changes(old, new)
        if remove:
            call("sns", "UntagResource", ResourceArn=identity, TagKeys=remove)
        if add:
            call("sns", "TagResource", ResourceArn=identity, Tags=add)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"TopicArn": identity, "TopicName": identity.rpartition(":")[2]}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(_GONE, "sns", "DeleteTopic", TopicArn=identity)


class TopicPolicy(Resource):
    type = "AWS::SNS::TopicPolicy"
    tag_shape = None
    applied: ClassVar[Mapping[str, Any]] = {"PolicyDocument": ALL, "Topics": ALL}

    def make(self, request: Request) -> str:
        return f"{request.stack}-{request.logical_id}-{secrets.token_hex(6)}"

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        text = policy_text(new["PolicyDocument"])
        for topic in new["Topics"]:
            call("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=text)
        for topic in set(old.get("Topics", [])) - set(new["Topics"]):
            self._reset(topic)

    @staticmethod
    def _reset(topic: str) -> None:
        """Gives a topic the policy that a new one has: only its own account may use it."""
        account = topic.split(":")[4]
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:Receive"],
            "Resource": topic,
            "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
        }
        text = json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
        parameters = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": text}
        unless_gone(_GONE, "sns", "SetTopicAttributes", **parameters)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        for topic in properties["Topics"]:
            self._reset(topic)


class Subscription(Resource):
    type = "AWS::SNS::Subscription"
    tag_shape = None
    _attributes: ClassVar[Mapping[str, str]] = {
        "FilterPolicy": "{}",
        "FilterPolicyScope": "MessageAttributes",
        "RawMessageDelivery": "false",
    }
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_attributes, ALL),
        "Endpoint": ALL,
        "Protocol": ALL,
        "TopicArn": ALL,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        if given["Protocol"] in ("http", "https"):
            raise CallError(
                f"Protocol: got {given['Protocol']!r}, which somebody has to confirm; use sqs, lambda or email",
                "InvalidParameter",
            )
        made = call(
            "sns",
            "Subscribe",
            TopicArn=given["TopicArn"],
            Protocol=given["Protocol"],
            Endpoint=given.get("Endpoint"),
            Attributes={name: _text(given[name]) for name in self._attributes if name in given},
            ReturnSubscriptionArn=True,
        )
        return str(made["SubscriptionArn"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        for name, default in self._attributes.items() if old else ():
            if old.get(name) != new.get(name):
                value = _text(new.get(name, default))
                call("sns", "SetSubscriptionAttributes", SubscriptionArn=identity, AttributeName=name,
                     AttributeValue=value)  # fmt: skip

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(_GONE, "sns", "Unsubscribe", SubscriptionArn=identity)


TYPES = (Topic, TopicPolicy, Subscription)
