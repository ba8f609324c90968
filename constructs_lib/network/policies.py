"""Policies of endpoints: whose identities pass an interface, and whose buckets pass the gateway."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam


def own_identities(stack: cdk.Stack) -> iam.PolicyStatement:
    """Identities of this account, for whatever their own policies allow: brought-in credentials do not pass."""
    return iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["*"], resources=["*"],
                               conditions={"StringEquals": {"aws:PrincipalAccount": stack.account}})  # fmt: skip


def own_buckets_and(stack: cdk.Stack, buckets: Iterable[str], written: Iterable[str] = ()) -> list[iam.PolicyStatement]:
    """Buckets of this account, and objects of the named ones that AWS owns.

    Args:
        stack: Whose account and region it is.
        buckets: Names with ``{region}``, which are only read.
        written: Names with ``{word}`` for the region without its hyphens, which are only written; none by default.
    """
    word = cdk.Fn.join("", cdk.Fn.split("-", stack.region))
    objects = [f"arn:{stack.partition}:s3:::{name.format(region=stack.region)}/*" for name in buckets]
    own = iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["s3:*"], resources=["*"],
                              conditions={"StringEquals": {"aws:ResourceAccount": stack.account}})  # fmt: skip
    puts = [f"arn:{stack.partition}:s3:::{name.format(word=word)}/*" for name in written]
    return [own] + [
        iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=[action], resources=named)
        for action, named in (("s3:GetObject", objects), ("s3:PutObject", puts))
        if named
    ]
