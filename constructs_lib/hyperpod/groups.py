"""One group of a cluster's instances, with everything that is said of it alone.

Source: ClusterInstanceGroupSpecification of CreateCluster, SageMaker API reference, read 2026-11-22. CloudFormation
lacks of it the deep health check MultiNodeTrainingValidation, and two fields of AutoPatchConfig (see ``patching``).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.capacity import ZONE, Capacity
from constructs_lib.hyperpod.duties import LONGEST_NAME, NAME, Duty
from constructs_lib.hyperpod.hosts import Hosts, with_efa
from constructs_lib.hyperpod.patching import Instances, Patching
from constructs_lib.hyperpod.storage import MOST_STORAGE, Mount
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_INSTANCES = 6758
DeepCheck = Literal["InstanceStress", "InstanceConnectivity"]


class InstanceGroup(Value):
    """Instances of one kind and one duty."""

    called: ClassVar[str | None] = "name"

    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    """Name, by which people and programs find the group; letters, digits and hyphens in between."""
    duty: Duty
    """What its instances are to the scheduler."""
    hosts: Hosts
    """Their types."""
    count: int = Field(ge=0, le=MOST_INSTANCES)
    """Instances that the group is to have."""
    minimum: int | None = Field(default=None, ge=0, le=MOST_INSTANCES)
    """Instances that it must have within three hours, or it is rolled back; by default all, or with continuous
    provisioning as many as come."""
    capacity: Capacity
    """Where they come from."""
    volume_gib: int | None = Field(default=None, ge=1, le=16384)
    """Further volume of each instance in GiB, mounted at /opt/sagemaker; none by default."""
    mounts: tuple[Mount, ...] = ()
    """File systems, mounted before any script runs; none by default."""
    deep_checks: tuple[DeepCheck, ...] = Field(default=(), max_length=2)
    """Checks of hours that a new or replaced instance must pass before it gets work; none by default."""
    patching: Patching | None = None
    """How its image is renewed; by default when an operator asks for it."""
    zone: str | None = Field(default=None, pattern=ZONE)
    """The zone of its instances, which cannot change; by default the cluster's."""
    interface: Literal["efa", "efa-only"] | None = None
    """``efa``: every adapter also carries IP. ``efa-only``: all but the first carry EFA alone and take no address. By
    default HyperPod decides by the type."""
    image: str | None = Field(default=None, pattern=r"^(ami-[0-9a-fA-F]{8,17}|default)$")
    """An image of the account, unencrypted and with one snapshot; by default HyperPod's newest, and that of the oldest
    group for one that comes later to a cluster with continuous provisioning."""
    release: str | None = Field(default=None, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", max_length=64)
    """Release of HyperPod's image, for example ``1.2.3``; the newest by default."""
    threads_per_core: Literal[1, 2] | None = None
    """1 switches simultaneous multithreading off; the type's own number by default."""

    @model_validator(mode="before")
    @classmethod
    def _check_known(cls, value: dict[str, Any]) -> dict[str, Any]:
        checks = value.get("deep_checks")
        if isinstance(checks, tuple) and "MultiNodeTrainingValidation" in checks:
            reject("deep_checks", "MultiNodeTrainingValidation",
                   "the API has this check and CloudFormation does not, as of 2026-11-22",
                   "Leave it out, and start it with StartClusterHealthCheck.")  # fmt: skip
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.minimum is not None and self.minimum > self.count:
            reject("minimum", self.minimum, f"it is at most count, {self.count}", "Lower it.")
        if self.image not in (None, "default") and self.release is not None:
            reject("release", self.release, "it chooses among HyperPod's images, and image names one of the account",
                   "Give one of the two.")  # fmt: skip
        self.capacity.check(self)
        self._check_interface()
        self._check_deep_checks()
        self._check_storage()
        self._check_batches()
        return self

    def _check_interface(self) -> None:
        for entry in self.hosts.entries if self.interface else ():
            if not entry.has_efa:
                reject("interface", self.interface, f"{entry.name} has no Elastic Fabric Adapter",
                       f"Leave it out or take a type with one, for example {with_efa()}.")  # fmt: skip

    def _check_deep_checks(self) -> None:
        if len(set(self.deep_checks)) < len(self.deep_checks):
            reject("deep_checks", self.deep_checks, "a check runs once", "Remove the repetition.")
        for entry in self.hosts.entries if self.deep_checks else ():
            if not entry.accelerators:
                reject("deep_checks", self.deep_checks, f"they test accelerators, and {entry.name} has none",
                       "Leave them out.")  # fmt: skip
            if "InstanceConnectivity" in self.deep_checks and not entry.has_efa:
                reject("deep_checks", "InstanceConnectivity",
                       f"it tests collectives between instances, and {entry.name} has no Elastic Fabric Adapter",
                       "Take InstanceStress alone.")  # fmt: skip
        if "InstanceConnectivity" in self.deep_checks and self.count == 1:
            reject("deep_checks", "InstanceConnectivity", "it takes two instances, and count is 1",
                   "Take InstanceStress alone.")  # fmt: skip

    def _check_storage(self) -> None:
        # The root volume's key is one entry.
        entries = 1 + (self.volume_gib is not None) + len(self.mounts)
        if entries > MOST_STORAGE:
            reject("mounts", len(self.mounts), f"a group has {MOST_STORAGE} entries of storage, of which its volumes "
                   f"take {entries - len(self.mounts)}", "Leave a file system out, or the further volume.")  # fmt: skip
        names = [mount.file_system for mount in self.mounts]
        if len(set(names)) < len(names):
            reject("mounts", names, "a file system is mounted once", "Remove the repetition.")
        paths = [mount.path for mount in self.mounts]
        for one in sorted(paths):
            if any(other.startswith(f"{one}/") for other in paths) or paths.count(one) > 1:
                reject("mounts.path", one, "a file system would hide another", "Give each a path beside the others.")

    def _check_batches(self) -> None:
        rolling = self.patching.batches if self.patching else None
        for name in ("batch", "rollback_batch"):
            size = getattr(rolling, name, None)
            if isinstance(size, Instances) and size.count > self.count > 0:
                reject(f"patching.rolling.{name}", size.count, f"the group has {self.count} instances",
                       "Take fewer, or Percent.")  # fmt: skip

    @property
    def efa(self) -> bool:
        """Whether any of its types has an Elastic Fabric Adapter."""
        return any(entry.has_efa for entry in self.hosts.entries)

    def render(self) -> dict[str, Any]:
        """Properties of an instance group that need nothing beside it, by the names of CDK."""
        given = {
            "min_instance_count": self.minimum,
            "on_start_deep_health_checks": list(self.deep_checks) or None,
            "network_interface": {"interfaceType": self.interface} if self.interface else None,
            "image_id": self.image,
            "image_release_version": self.release,
            "threads_per_core": self.threads_per_core,
        }
        return {
            "instance_group_name": self.name,
            "instance_count": self.count,
            **{name: value for name, value in given.items() if value is not None},
            **self.hosts.render(),
            **self.capacity.render(),
        }
