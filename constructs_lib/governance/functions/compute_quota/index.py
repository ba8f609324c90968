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
from .comparing import Document, stamped, typed
from .drift import drift, publish
from .failures import Failed, Gone
from .quotas import Quotas

NOTHING = "nothing-was-made"
"""Physical id of a resource whose creation failed: CloudFormation asks to delete it. It makes up an id of its own where
it got no answer at all."""
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
    except Exception as error:
        # Whatever it is: without an answer CloudFormation would wait until its own time is over.
        known = isinstance(error, (Failed, ClientError, BotoCoreError))
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        print(f"{event['RequestType']} {event['LogicalResourceId']}: {reason}")  # noqa: T201
        answer(event, identity=identity, reason=reason)
    else:
        answer(event, identity=identity, data={"ComputeQuotaId": identity})


def look(event: dict[str, Any], quotas: Quotas, metrics: Any) -> None:
    """Compare a quota with what was deployed, tell the metric, and put it back where the event says so.

    What is put back is told first: an alarm says that somebody changed it, even though it did not stay so. A quota that
    cannot be looked at is told like one that differs: looks at others of the cluster would hide its silence.
    """
    identity, request = event["ComputeQuotaId"], _request(event)
    seen = True
    try:
        told = drift(quotas, identity, request)
    except (ClientError, BotoCoreError) as error:
        seen, told = False, [f"{request['Name']}: {error}"]
    publish(metrics, request, len(told))
    for line in told:
        print(f"drift: {line}")  # noqa: T201
    if seen and told and event["OnDrift"] == "restore":
        try:
            quotas.change(identity, request)
        except (Failed, ClientError, BotoCoreError) as error:
            # The alarm is raised already, and the next look tries again: a second one at once would do no better.
            print(f"not restored: {error}")  # noqa: T201


def owner(event: dict[str, Any]) -> str:
    """Who makes a quota: the same for every try of one resource of one stack."""
    return hashlib.sha256(f"{event['StackId']} {event['LogicalResourceId']}".encode()).hexdigest()


def _request(holder: dict[str, Any]) -> Document:
    return stamped(typed(holder["Request"]))


def _create(event: dict[str, Any], quotas: Quotas) -> str:
    return quotas.make(_request(event["ResourceProperties"]), owner(event))


def _update(event: dict[str, Any], quotas: Quotas) -> str:
    request, old = _request(event["ResourceProperties"]), _request(event["OldResourceProperties"])
    identity: str = event["PhysicalResourceId"]
    if any(request[name] != old[name] for name in ("Name", "ClusterArn")):
        # Another quota: CloudFormation deletes the old one when everything else has succeeded, and asks for the old
        # one again, which is still there, when something has not.
        made = quotas.make(request, owner(event))
        # In a rollback after an update that died before its answer, CloudFormation never heard of what that has made.
        quotas.remove_own(old, owner(event), but=identity)
        return made
    try:
        return quotas.change(identity, request)
    except Gone:
        # Deleted outside the stack, which is drift as well. Refused, a rollback would find no end.
        return quotas.make(request, owner(event))


def _delete(event: dict[str, Any], quotas: Quotas) -> str:
    identity: str = event["PhysicalResourceId"]
    if _IDENTITY.fullmatch(identity):
        quotas.remove(identity)
    else:
        # Of a creation that failed, or died before its answer: there may be a quota all the same.
        quotas.remove_own(_request(event["ResourceProperties"]), owner(event))
    return identity


_DO = {"Create": _create, "Update": _update, "Delete": _delete}
