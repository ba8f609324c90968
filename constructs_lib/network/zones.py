"""Availability zones, known without asking an account."""

from __future__ import annotations

from typing import Annotated

import aws_cdk as cdk
from pydantic import Field

from ml_contract.errors import reject

Zone = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
"""Name of an availability zone, for example ``us-east-1a``."""


def know_availability_zones(scope: cdk.Stage | cdk.Stack, zones: tuple[str, ...]) -> None:
    """Tell ``scope`` the zones of its account and region, so that synthesis needs no credentials.

    Args:
        scope: A stage or stack, before its first child: CDK takes context only then. One whose account and region are
            left to deployment needs nothing.
        zones: All zones that the networks below use.
    """
    key = _zones_key(scope.account, scope.region)
    if key and scope.node.try_get_context(key) is None:
        scope.node.set_context(key, list(zones))


def check_zones(stack: cdk.Stack, zones: tuple[str, ...]) -> None:
    """Refuse zones that ``stack`` does not know.

    Raises:
        ContractError: With what it knows.
    """
    key = _zones_key(stack.account, stack.region)
    if key is None:
        return
    known = stack.node.try_get_context(key)
    if known is None:
        reject("availability_zones", zones, f"CDK would ask the account {stack.account} for its zones at synth",
               "Call know_availability_zones on the stage or stack before its first construct.")  # fmt: skip
    for zone in zones:
        if zone not in known:
            reject("availability_zones", zone, f"the context of the app knows {', '.join(known)}",
                   "Correct the zone, or the context.")  # fmt: skip


def _zones_key(account: str | None, region: str | None) -> str | None:
    if not account or not region or cdk.Token.is_unresolved(account) or cdk.Token.is_unresolved(region):
        return None
    return f"availability-zones:account={account}:region={region}"
