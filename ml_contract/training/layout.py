"""Ranks and how they are divided: the arithmetic that is checked at synth and done again in the container."""

from __future__ import annotations

from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.values import value_object


@value_object
class World:
    """All ranks of a job."""

    hosts: int
    ranks_per_host: int

    @classmethod
    def of(cls, instance_type: str, instance_count: int) -> World:
        """One rank an accelerator, or one a host without any. Raises ContractError for an unknown type."""
        return cls(hosts=instance_count, ranks_per_host=instance(instance_type).processes)

    @property
    def size(self) -> int:
        return self.hosts * self.ranks_per_host


@value_object
class Layout:
    """A world divided: the product of all degrees is its size.

    Ranks are numbered with tensor fastest, then context, shard, replicate and pipeline, so that the groups that talk
    most are neighbours on one host (the order of torchtitan's and Megatron's meshes).
    """

    pipeline: int = 1
    """Stages of the model."""
    replicate: int = 1
    """Copies of the model that hold all of what their group holds."""
    shard: int = 1
    """Ranks over which parameters, gradients and optimiser state are divided."""
    context: int = 1
    """Parts of a sequence."""
    tensor: int = 1
    """Parts of a matrix."""

    @property
    def data(self) -> int:
        """Ranks that see samples of their own."""
        return self.replicate * self.shard

    @property
    def size(self) -> int:
        return self.pipeline * self.replicate * self.shard * self.context * self.tensor


def divided(field: str, degree: int, among: int, what: str) -> int:
    """``among / degree``. Raises ContractError where the degree does not divide it."""
    if among % degree:
        fitting = ", ".join(str(number) for number in range(1, among + 1) if among % number == 0)
        reject(field, degree, f"it must divide {what} ({among})", f"Give one of {fitting}, or change the world.")
    return among // degree


def on_one_host(field: str, degree: int, world: World) -> None:
    """Refuse a degree whose groups would span hosts, where only the network joins them."""
    if world.ranks_per_host % degree:
        fitting = ", ".join(str(number) for number in range(1, world.ranks_per_host + 1)
                            if world.ranks_per_host % number == 0)  # fmt: skip
        reject(field, degree, f"a host has {world.ranks_per_host} ranks, which it must divide: this talks too much for"
               " the network", f"Give one of {fitting}, or take a type with more accelerators.")  # fmt: skip
