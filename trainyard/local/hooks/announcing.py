"""What AWS services tell EventBridge of their resources, told by this project's own services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import eventbridge


def announce(detail_type: str, resource: str, detail: Mapping[str, Any]) -> None:
    """Puts an event of SageMaker on the account's default bus.

    Args:
        detail_type: What has happened, as AWS names it.
        resource: ARN of what it has happened to.
        detail: The event's detail.
    """
    announce_of("aws.sagemaker", detail_type, detail, resource)


def announce_of(source: str, detail_type: str, detail: Mapping[str, Any], *resources: str) -> None:
    """Puts an event of any service on the account's default bus.

    Args:
        source: The service, as ``aws.kms``.
        detail_type: What has happened, as AWS names it.
        detail: The event's detail.
        resources: ARNs of what it has happened to; few services fill them in.
    """
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": list(resources)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
