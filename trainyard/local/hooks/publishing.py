"""Messages that AWS's own services send to topics: only where the topic's policy lets them."""

from __future__ import annotations

import logging

from ministack import app
from ministack.services import sns

_log = logging.getLogger(__name__)


def publish(topic: str, subject: str, message: str, *, service: str, source: str, account: str) -> bool:
    """Publish as a service. AWS says nothing to anybody when the topic refuses; the cloud's log does.

    Args:
        topic: ARN.
        subject: of the message.
        message: its text.
        service: principal of the service, ``budgets.amazonaws.com``.
        source: ARN of what it acts for (`aws:SourceArn`).
        account: account of what it acts for (`aws:SourceAccount`).

    Returns:
        Whether the topic took it.
    """
    # Outside of a request nothing says how it came; services of AWS come over TLS.
    app.pin_request_origin("127.0.0.1", True)
    if not sns.topic_policy_allows(topic, service, source, account):
        _log.warning("the policy of %s does not let %s publish, so nobody is told: %s", topic, service, subject)
        return False
    return sns.publish_internal(topic, message, subject) is not None
