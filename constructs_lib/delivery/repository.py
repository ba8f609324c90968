"""A repository as the tokens of its workflows name it.

Sources, read 2026-11-22: "OpenID Connect", "Immutable subject claims", GitHub Docs (github/docs#45221); "Immutable
subject claims for GitHub Actions OIDC tokens", GitHub Changelog, 2026-04-23: repositories that were made, renamed or
transferred since 2026-07-15 carry the ids of owner and repository in their subject, others do where they opted in.
`gh api repos/OWNER/NAME/actions/oidc/customization/sub` tells which (`use_immutable_subject`).
"""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from constructs_lib.values import Value


class Repository(Value):
    """A repository on github.com."""

    owner: str = Field(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9])*$", max_length=39)
    """Organisation or person, as GitHub spells it: subjects are compared letter by letter."""
    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)
    """Name without its owner, as GitHub spells it."""

    @property
    def full_name(self) -> str:
        """Owner and name, for example ``octocat/my-repo``."""
        return f"{self.owner}/{self.name}"

    @property
    @abstractmethod
    def subject(self) -> str:
        """What every subject of its tokens begins with, without the colon that follows."""

    @property
    def claims(self) -> dict[str, str]:
        """Claims beside the subject that tell it from every other repository."""
        return {"repository": self.full_name}


class NamedRepository(Repository):
    """One whose subject holds names alone: made before 2026-07-15, never renamed, and not opted in.

    Whoever gets the name after its owner gave it up gets the roles with it: opt in, and take `ImmutableRepository`.
    """

    @property
    def subject(self) -> str:
        return f"repo:{self.full_name}"


class ImmutableRepository(Repository):
    """One whose subject holds ids, which GitHub never gives to another."""

    owner_id: int = Field(gt=0)
    """Number of the owner: `gh api users/OWNER --jq .id`."""
    repository_id: int = Field(gt=0)
    """Number of the repository: `gh api repos/OWNER/NAME --jq .id`."""

    @property
    def subject(self) -> str:
        return f"repo:{self.owner}@{self.owner_id}/{self.name}@{self.repository_id}"

    @property
    def claims(self) -> dict[str, str]:
        return {**super().claims, "repository_id": str(self.repository_id)}
