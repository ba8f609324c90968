"""What is said of a pipeline, and what is refused."""

from typing import Any

import pytest

from constructs_lib.delivery import GitHub, ImmutableRepository, NamedRepository, NewProvider

GITHUB: dict[str, Any] = {
    "repository": NamedRepository(owner="octocat", name="my-repo"),
    "branch": "main",
    "deploys": "prod",
    "looks": "prod-look",
    "provider": NewProvider(),
}


def test_a_deployment_may_take_two_hours() -> None:
    assert GitHub(**GITHUB).session_hours == 2


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("looks", "prod", "GitHub.looks: got 'prod', but who looks must not be able to deploy. .* prod-look"),
        ("branch", "*", r"GitHub.branch: got '\*'"),
        ("deploys", "prod:x", "GitHub.deploys: got 'prod:x'"),
        ("workflow", "../deploy.yml", "GitHub.workflow"),
        ("workflow", "deploy", "GitHub.workflow"),
        ("session_hours", 13, "it must be at most 12"),
        ("provider", None, "GitHub.provider"),
    ],
)
def test_what_opens_more_than_one_door_is_refused(field: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GitHub(**{**GITHUB, field: value})


@pytest.mark.parametrize("owner", ["*", "octo*", "-octocat", "octocat/my", "octo@1", ""])
def test_an_owner_is_one(owner: str) -> None:
    with pytest.raises(ValueError, match=r"NamedRepository\.owner"):
        NamedRepository(owner=owner, name="my-repo")


def test_ids_are_numbers_above_zero() -> None:
    with pytest.raises(ValueError, match="it must be greater than 0"):
        ImmutableRepository(owner="octocat", name="my-repo", owner_id=0, repository_id=1)
