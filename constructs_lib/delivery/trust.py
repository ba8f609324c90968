"""Who may take a role of delivery: a token of GitHub's, by claims that are compared letter by letter.

Sources, read 2026-11-22: "Configuring OpenID Connect in Amazon Web Services" and "OpenID Connect reference", GitHub
Docs; "Create a role for OpenID Connect federation", IAM User Guide; "AWS STS now supports validation of select identity
provider specific claims", AWS What's New, 2026-01: beside ``aud`` and ``sub`` a trust policy may ask for ``ref``,
``repository``, ``repository_id``, ``environment`` and ``job_workflow_ref`` of GitHub's tokens. A subject with an
environment names no branch, so the branch is asked for by its own claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_lib.delivery.repository import Repository

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
"""What `aws-actions/configure-aws-credentials` asks for; a token for anybody else is refused."""


def claims(repository: Repository, *, environment: str, branch: str, workflow: str | None) -> dict[str, str]:
    """The claims that a token must carry, each with the one value that it must have.

    Args:
        repository: Whose workflow asks.
        environment: GitHub's environment that the job must be in, whose rules guard it.
        branch: That the workflow must run on.
        workflow: File below ``.github/workflows`` that the job must come from; None: any of the branch's.
    """
    found = {
        "aud": AUDIENCE,
        "sub": f"{repository.subject}:environment:{environment}",
        "environment": environment,
        "ref": f"refs/heads/{branch}",
        **repository.claims,
    }
    if workflow is not None:
        place = f"{repository.full_name}/.github/workflows/{workflow}"
        found["job_workflow_ref"] = f"{place}@refs/heads/{branch}"
    return found


def trust(provider: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    """The trust policy of a role.

    Args:
        provider: ARN of GitHub's provider in the account.
        wanted: Claims with their values.
    """
    conditions = {f"{ISSUER}:{claim}": value for claim, value in wanted.items()}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": provider},
                "Condition": {"StringEquals": conditions},
            }
        ],
    }
