"""File systems of an environment in the pods of its clusters."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from constructs_lib.hyperpod.eks.manifest import Manifest
from constructs_lib.hyperpod.eks.volumes import NAME, LustreClaim
from constructs_lib.lustre import LustreFileSystem
from constructs_lib.values import Value


class FilesClaim(Value):
    """A claim on a file system of the environment in one namespace; it is applied with the cluster's manifests."""

    name: str = Field(pattern=NAME, max_length=50)
    """Name of the claim, which a run's ClaimedVolume names."""
    namespace: str = Field(pattern=NAME)
    """Where its jobs run."""
    file_system: str
    """The file system, by its name in ``file_systems``."""
    capacity_gib: int = Field(ge=1)
    """Size in GiB, which the scheduler compares and no driver enforces."""

    @property
    def _prefix(self) -> str:
        return self.file_system.upper().replace("-", "_")

    def manifests(self) -> list[Manifest]:
        """Volume and claim; ``${NAME}`` stands for what the deployment knows."""
        claim = LustreClaim(
            name=self.name, namespace=self.namespace, capacity_gib=self.capacity_gib,
            file_system=f"${{{self._prefix}_ID}}", dns_name=f"${{{self._prefix}_DNS_NAME}}",
            mount_name=f"${{{self._prefix}_MOUNT_NAME}}",
        )  # fmt: skip
        return claim.manifests()

    def variables(self, files: Mapping[str, LustreFileSystem]) -> dict[str, str]:
        """Values of what stands in the manifests; they are tokens."""
        found = files[self.file_system]
        return {
            f"{self._prefix}_ID": found.id,
            f"{self._prefix}_DNS_NAME": found.dns_name,
            f"{self._prefix}_MOUNT_NAME": found.mount_name,
        }
