"""A file system that the nodes of a network share."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from constructs_lib.lustre import LustreSettings
from constructs_lib.values import Value
from ml_contract.errors import reject

BUCKETS = ("data", "checkpoints", "artifacts")
"""Of the environment, by the names that repositories give them."""


class SharedFiles(Value):
    """FSx for Lustre in a stack of its own: it outlives the clusters that mount it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    """Names the stack ``…-files-NAME``; mounts name it so."""
    subnet: str
    """Subnet of the network where its servers stand: that of the cluster whose nodes reach it by EFA, by the name in
    ``network.clusters``, or a zone of the network."""
    settings: LustreSettings
    """What it is made of. Its repositories name the buckets ``data``, ``checkpoints`` and ``artifacts``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for index, one in enumerate(self.settings.mirror.repositories if self.settings.mirror else ()):
            if one.bucket not in BUCKETS:
                reject(f"settings.mirror.repositories.{index}.bucket", one.bucket,
                       f"the environment has {', '.join(BUCKETS)}", "Name one of these.")  # fmt: skip
        return self
