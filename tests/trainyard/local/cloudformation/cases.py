"""A type of CloudFormation as the tests deploy it, and what several of them need beside it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

ROOT = "arn:aws:iam::123456789012:root"
TAGS = [{"Key": "team", "Value": "models"}, {"Key": "cost", "Value": "1"}]
RETAGGED = [{"Key": "team", "Value": "inference"}]


def policy(action: str = "s3:GetObject", resource: str | dict = "*", **more: Any) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}],
    }


def trust(service: str) -> dict:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def key(*services: str) -> dict:
    statements = [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}]
    statements += [
        {"Effect": "Allow", "Principal": {"Service": name}, "Action": "kms:Encrypt*", "Resource": "*"}
        for name in services
    ]
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": statements}}}


def ref(name: str) -> dict:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict:
    return {"Fn::GetAtt": [name, attribute]}


@dataclass(frozen=True)
class Case:
    """One type. The subject of the template is the resource `It`."""

    type: str
    properties: dict
    beside: dict = field(default_factory=dict)
    update: dict | None = None
    """Properties that change in place; None takes one away."""
    replace: dict | None = None
    """Properties whose change makes a new resource."""
    refused: dict | None = None
    """A property that the cloud does not apply."""
    refused_path: str = ""
    wrong: dict | None = None
    """A reference to something that does not exist."""
    wrong_says: str = ""

    def template(self, change: dict | None = None) -> dict:
        properties = copy.deepcopy(self.properties) | (change or {})
        properties = {name: value for name, value in properties.items() if value is not None}
        it = {"Type": self.type, "Properties": properties}
        return {"Resources": {**self.beside, "It": it}, "Outputs": {"It": {"Value": ref("It")}}}
