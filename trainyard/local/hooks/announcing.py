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
    entry = {
        "Source": "aws.sagemaker",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": [resource],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
