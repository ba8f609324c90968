"""Tokens of providers of identities: only those that the account knows, with the claims that AWS evaluates.

The emulator believes any provider that a token names, and carries ``aud``, ``sub`` and ``amr`` alone into a trust
policy. A token's signature is not looked at, here as there: nobody signs on this machine.

Source: "AWS STS now supports validation of select identity provider specific claims", AWS What's New, 2026-01, and the
keys of "Available keys for AWS OIDC federation", IAM User Guide, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import cognito, iam, sts

GITHUB = "token.actions.githubusercontent.com"
CLAIMS: Mapping[str, tuple[str, ...]] = {
    GITHUB: ("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository",
             "repository_id", "workflow"),
}  # fmt: skip
"""By provider, claims beside the usual that a trust policy can ask for."""


def install() -> None:
    """Puts it around the emulator's own."""
    inner = sts._web_identity_principal

    def principal(token: str, provider_id: str, role_arn: str) -> tuple[str, dict[str, Any]]:
        arn, keys = inner(token, provider_id, role_arn)
        host = arn.rpartition("oidc-provider/")[2]
        if not arn.startswith("arn:"):
            return arn, keys
        known = iam._oidc_providers.get(arn)
        if known is None or keys.get(f"{host}:aud".lower()) not in known["ClientIDList"]:
            return "", {}
        claims = cognito._decode_id_token_unverified(token)
        return arn, keys | {f"{host}:{name}": str(claims[name]) for name in CLAIMS.get(host, ()) if name in claims}

    sts._web_identity_principal = principal
