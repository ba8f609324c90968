"""A file system that nodes share, as an environment holds it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.lustre.deployment import Deployment
from constructs_lib.lustre.repository import Mirror
from constructs_lib.values import Value
from ml_contract.errors import reject


class Backups(Value):
    """Daily copies that FSx keeps, until the file system itself is deleted."""

    days: int = Field(ge=1, le=90)
    """Days that each is kept."""
    at: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """When the window of half an hour begins, UTC, for example ``04:00``: input and output may rest for seconds."""


class LustreSettings(Value):
    """A file system of FSx for Lustre."""

    deployment: SerializeAsAny[Deployment]
    """How durable, how large, how fast: ``Scratch2(…)``, ``Persistent2(…)`` or ``IntelligentTiering(…)``."""
    compression: Literal["LZ4", "NONE"]
    """LZ4 makes text and checkpoints smaller, at the cost of the servers' processors; files of images gain nothing."""
    maintenance: str = Field(pattern=r"^[1-7]:([01]\d|2[0-3]):[0-5]\d$")
    """Weekly window of half an hour, UTC, for example ``7:03:00`` for Sundays at three: the servers may be away for
    minutes, and clients wait."""
    backups: Backups | None = None
    """Daily copies; none by default. A file system that is linked to S3 has none: S3 is the copy."""
    mirror: Mirror | None = None
    """Directories that mirror places in S3; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        kind = type(self.deployment).__name__
        if self.backups and not self.deployment.backed_up:
            reject("backups", self.backups, f"FSx takes no backups of {kind}", "Leave them out, or take Persistent2.")
        if self.mirror and not self.deployment.linkable:
            reject("mirror", [one.directory for one in self.mirror.repositories], f"{kind} cannot be linked to S3",
                   "Leave it out, or take Persistent2.")  # fmt: skip
        if self.backups and self.mirror:
            reject("backups", self.backups, "a file system that is linked to S3 has no backups: S3 is the copy",
                   "Leave backups or mirror out.")  # fmt: skip
        return self
