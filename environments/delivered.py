"""Who deploys what is not deployed by hand: GitHub Actions of this repository, from its main branch."""

from constructs_lib.delivery import GitHub, ImmutableRepository, NewProvider

REPOSITORY = ImmutableRepository(owner="example", name="trainyard", owner_id=1234567, repository_id=987654321)
QUALIFIER = "trainyard"
"""A bootstrap of its own, whose CloudFormation may do less than that of other apps in the account."""


def by_github(environment: str) -> GitHub:
    """Jobs of GitHub's environment of the same name deploy, those of the one with ``-look`` behind it look."""
    return GitHub(
        repository=REPOSITORY,
        branch="main",
        deploys=environment,
        looks=f"{environment}-look",
        provider=NewProvider(),
        workflow="deliver.yml",
    )
