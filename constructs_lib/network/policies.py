"""Policies of endpoints: whose identities pass an interface, and whose buckets pass the gateway."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam


def own_identities(stack: cdk.Stack, foreign: Iterable[str]) -> list[iam.PolicyStatement]:
    """Identities of this account, for whatever their own policies allow: brought-in credentials do not pass.

    Args:
        stack: Whose account it is.
        foreign: Actions on what other accounts own; all others are on this account's own.
    """
    identity = {"aws:PrincipalAccount": stack.account}
    elsewhere = list(foreign)
    found = []
    if "*" not in elsewhere:
        found.append(_allow(["*"], {**identity, "aws:ResourceAccount": stack.account}))
    if elsewhere:
        found.append(_allow(elsewhere, identity))
    return found


def _allow(actions: list[str], equal: dict[str, str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=actions, resources=["*"],
                               conditions={"StringEquals": equal})  # fmt: skip


def own_roles_by_token(stack: cdk.Stack) -> iam.PolicyStatement:
    """Roles of this account for whoever has a token that their trust asks for: the call itself is signed by nobody."""
    return iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["sts:AssumeRoleWithWebIdentity"],
                               resources=[f"arn:{stack.partition}:iam::{stack.account}:role/*"])  # fmt: skip


def own_buckets_and(stack: cdk.Stack, buckets: Iterable[str], written: Iterable[str] = ()) -> list[iam.PolicyStatement]:
    """Buckets of this account, and objects of the named ones that AWS owns.

    Args:
        stack: Whose account and region it is.
        buckets: Names with ``{region}``, which are only read.
        written: Names with ``{word}`` for the region without its hyphens, which are only written; none by default.
    """
    word = cdk.Fn.join("", cdk.Fn.split("-", stack.region))
    objects = [f"arn:{stack.partition}:s3:::{name.format(region=stack.region)}/*" for name in buckets]
    own = _allow(["s3:*"], {"aws:ResourceAccount": stack.account})
    puts = [f"arn:{stack.partition}:s3:::{name.format(word=word)}/*" for name in written]
    return [own] + [
        iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=[action], resources=named)
        for action, named in (("s3:GetObject", objects), ("s3:PutObject", puts))
        if named
    ]
