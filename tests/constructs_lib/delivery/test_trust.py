"""Tokens of GitHub's workflows against the trust of the roles, decided by IAM's rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.delivery import ImmutableRepository, NamedRepository
from constructs_lib.delivery.trust import ISSUER, claims, trust
from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide

ACCOUNT = "222222222222"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivery/trainyard-prod-deploy"
NAMED = NamedRepository(owner="octocat", name="my-repo")
IMMUTABLE = ImmutableRepository(owner="octocat", name="my-repo", owner_id=123456, repository_id=456789)
TOKEN = {
    "aud": "sts.amazonaws.com",
    "sub": "repo:octocat@123456/my-repo@456789:environment:prod",
    "environment": "prod",
    "ref": "refs/heads/main",
    "repository": "octocat/my-repo",
    "repository_id": "456789",
    "job_workflow_ref": "octocat/my-repo/.github/workflows/deploy.yml@refs/heads/main",
    "actor": "ada",
}
"""Of a job that may deploy, as GitHub's reference shows them."""
WANTED = claims(IMMUTABLE, environment="prod", branch="main", workflow="deploy.yml")


def takes(token: dict[str, Any], wanted: dict[str, str] = WANTED, provider: str = PROVIDER) -> bool:
    keys = {f"{ISSUER}:{claim}": value for claim, value in token.items()}
    request = Request(
        principal=provider, action="sts:AssumeRoleWithWebIdentity", resource=ROLE, owner=ACCOUNT, keys=keys
    )
    policy = parse(trust(PROVIDER, wanted), "trust")
    return decide(request, Policies(resource=policy, resource_decides=True)).allowed


def test_the_job_that_may_deploy_takes_the_role() -> None:
    assert takes(TOKEN)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sub": "repo:octocat@123456/other@1:environment:prod", "repository": "octocat/other",
                      "repository_id": "1"}, id="another repository"),
        pytest.param({"sub": "repo:octocat@9/my-repo@8:environment:prod", "repository_id": "8"},
                     id="the name in other hands"),
        pytest.param({"sub": "repo:octocat/my-repo:environment:prod"}, id="a subject without ids"),
        pytest.param({"sub": "repo:octocat@123456/my-repo@456789:ref:refs/heads/main"}, id="no environment"),
        pytest.param({"sub": "repo:octocat@123456/my-repo@456789:environment:dev", "environment": "dev"},
                     id="another environment"),
        pytest.param({"sub": "repo:octocat@123456/my-repo@456789:environment:prod-look", "environment": "prod-look"},
                     id="the environment that looks"),
        pytest.param({"sub": "repo:octocat@123456/my-repo@456789:environment:PROD"}, id="another spelling"),
        pytest.param({"ref": "refs/heads/feature"}, id="another branch"),
        pytest.param({"ref": "refs/tags/main"}, id="a tag of the branch's name"),
        pytest.param({"sub": "repo:octocat@123456/my-repo@456789:pull_request", "ref": "refs/pull/7/merge"},
                     id="a pull request"),
        pytest.param({"ref": "refs/pull/7/merge"}, id="a pull request in the environment"),
        pytest.param({"sub": "repo:mallory@7/my-repo@5:pull_request", "repository": "mallory/my-repo",
                      "repository_id": "5", "ref": "refs/pull/7/merge"}, id="a fork's pull request"),
        pytest.param({"aud": "https://github.com/octocat"}, id="GitHub's own audience"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"job_workflow_ref": "octocat/my-repo/.github/workflows/check.yml@refs/heads/main"},
                     id="another workflow"),
        pytest.param({"job_workflow_ref": "octocat/my-repo/.github/workflows/deploy.yml@refs/heads/feature"},
                     id="the workflow of another branch"),
    ],
)  # fmt: skip
def test_everybody_else_is_refused(changes: dict[str, str | None]) -> None:
    token = {claim: value for claim, value in (TOKEN | changes).items() if value is not None}
    assert not takes(token)


def test_a_token_of_another_provider_is_refused() -> None:
    assert not takes(TOKEN, provider=f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com")


def test_a_repository_without_ids_is_known_by_its_names() -> None:
    wanted = claims(NAMED, environment="prod", branch="main", workflow=None)
    token = TOKEN | {"sub": "repo:octocat/my-repo:environment:prod"}
    assert takes(token, wanted)
    assert not takes(TOKEN, wanted)


@given(claim=st.sampled_from(sorted(WANTED)), value=st.text(st.characters(codec="ascii"), max_size=80))
def test_no_other_value_of_any_claim_takes_the_role(claim: str, value: str) -> None:
    assert takes(TOKEN | {claim: value}) == (value == TOKEN[claim])


@given(claim=st.sampled_from(sorted(WANTED)))
def test_no_claim_may_be_missing(claim: str) -> None:
    assert not takes({name: value for name, value in TOKEN.items() if name != claim})
