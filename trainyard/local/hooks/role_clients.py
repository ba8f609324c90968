"""Clients of services that act for somebody: with sessions of roles that trust them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainyard.local.cloud import REGION
from trainyard.local.hooks import references, sessions
from trainyard.local.platform import LocalPlatform


def clients_of(principal: str, session: str, *, endpoint_url: str) -> Callable[[str, str], Any]:
    """What makes the boto3 client of a service with a session of a role.

    Args:
        principal: the service that opens the session, which the role has to trust.
        session: name of the sessions.
        endpoint_url: where the cloud listens.
    """

    def assume(arn: str, name: str) -> sessions.RoleSession:
        return sessions.assume(arn, name, principal)

    def client(service: str, role: str) -> Any:
        platform = LocalPlatform(endpoint_url, REGION, assume=assume, exists=references.exists)
        return platform.role_client(service, role, session)

    return client
