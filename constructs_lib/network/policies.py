"""Policies of endpoints: whose identities pass an interface, and whose buckets pass the gateway."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam


def own_identities(stack: cdk.Stack) -> iam.PolicyStatement:
    """Identities of this account, for whatever their own policies allow: brought-in credentials do not pass."""
    return iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["*"], resources=["*"],
                               conditions={"StringEquals": {"aws:PrincipalAccount": stack.account}})  # fmt: skip


def own_buckets_and(stack: cdk.Stack, buckets: Iterable[str]) -> list[iam.PolicyStatement]:
    """Buckets of this account, and objects of the named ones that AWS owns, which are only read.

    Args:
        stack: Whose account and region it is.
        buckets: Names with ``{region}``.
    """
    objects = [f"arn:{stack.partition}:s3:::{name.format(region=stack.region)}/*" for name in buckets]
    own = iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["s3:*"], resources=["*"],
                              conditions={"StringEquals": {"aws:ResourceAccount": stack.account}})  # fmt: skip
    if not objects:
        return [own]
    return [own, iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["s3:GetObject"], resources=objects)]
