"""Entry: requests of CloudFormation, and looks that the schedule asks for."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .answer import answer
from .comparing import Document, typed
from .drift import drift, publish
from .quotas import Failed, Quotas

NOTHING = "nothing-was-made"
"""Physical id of a resource whose creation failed: CloudFormation asks to delete it, and there is nothing to delete."""
_RESERVE_SECONDS = 30.0
"""Kept for taking back what was made, and for the answer."""
_IDENTITY = re.compile("[a-z0-9]{12}")
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 8})


@functools.cache
def client(service: str) -> Any:
    """A client that waits and tries again where it is throttled."""
    make: Any = boto3.client  # its overloads want a literal name
    return make(service, config=_CONFIG)


def handler(event: dict[str, Any], context: Any) -> None:
    """Serve one event of CloudFormation or of the schedule."""
    quotas = Quotas(client("sagemaker"), lambda: context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS)
    if "RequestType" in event:
        serve(event, quotas)
    else:
        look(event, quotas, client("cloudwatch"))


def serve(event: dict[str, Any], quotas: Quotas) -> None:
    """Do what CloudFormation asks and tell it how that ended."""
    identity = event.get("PhysicalResourceId", NOTHING)
    try:
        identity = _DO[event["RequestType"]](event, quotas)
    except (Failed, ClientError, BotoCoreError) as error:
        print(f"{event['RequestType']} {event['LogicalResourceId']}: {error}")  # noqa: T201
        answer(event, identity=identity, reason=str(error))
    else:
        answer(event, identity=identity, data={"ComputeQuotaId": identity})


def look(event: dict[str, Any], quotas: Quotas, metrics: Any) -> None:
    """Compare a quota with what was deployed, tell the metric, and put it back where the event says so.

    What is put back is told first: an alarm says that somebody changed it, even though it did not stay so.
    """
    identity, request = event["ComputeQuotaId"], typed(event["Request"])
    told = drift(quotas, identity, request)
    publish(metrics, request, len(told))
    for line in told:
        print(f"drift: {line}")  # noqa: T201
    if told and event["OnDrift"] == "restore":
        try:
            quotas.change(identity, request)
        except Failed as error:
            # The alarm is raised already, and the next look tries again: a second one at once would do no better.
            print(f"not restored: {error}")  # noqa: T201


def owner(event: dict[str, Any]) -> str:
    """Who makes a quota: the same for every try of one resource of one stack."""
    return hashlib.sha256(f"{event['StackId']} {event['LogicalResourceId']}".encode()).hexdigest()


def _request(event: dict[str, Any], properties: str = "ResourceProperties") -> Document:
    request: Document = typed(event[properties]["Request"])
    return request


def _create(event: dict[str, Any], quotas: Quotas) -> str:
    return quotas.make(_request(event), owner(event))


def _update(event: dict[str, Any], quotas: Quotas) -> str:
    request, old = _request(event), _request(event, "OldResourceProperties")
    identity: str = event["PhysicalResourceId"]
    if any(request[name] != old[name] for name in ("Name", "ClusterArn")):
        # Another quota: CloudFormation deletes the old one when everything else has succeeded, and asks for the old
        # one again, which is still there, when something has not.
        return quotas.make(request, owner(event))
    return quotas.change(identity, request)


def _delete(event: dict[str, Any], quotas: Quotas) -> str:
    identity: str = event["PhysicalResourceId"]
    if _IDENTITY.fullmatch(identity):
        quotas.remove(identity)
    return identity


_DO = {"Create": _create, "Update": _update, "Delete": _delete}
