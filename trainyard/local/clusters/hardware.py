"""What Slurm is told of a node's hardware: what its instance type would have."""

from ml_contract.clusters.nodes import NODE_TYPES
from ml_contract.errors import ContractError
from ml_contract.instances import instance
from trainyard.local.clusters.describe import host_name
from trainyard.local.clusters.hardware_rules import ONE_THREAD
from trainyard.local.clusters.machines import Slot
from trainyard.local.clusters.slurm_configuration import SlurmNode

_KINDS = {kind.capitalize(): kind for kind in NODE_TYPES}


def node_of_slurm(slot: Slot) -> SlurmNode:
    """A node as Slurm is told of it."""
    try:
        found = instance(slot.instance_type)
        cpus, memory, gpus = found.vcpus, found.memory_gib * 1024, found.accelerators
    except ContractError:
        # ml.t3 and its kin are in no catalogue of what trains and serves.
        cpus, memory, gpus = 2, 4096, 0
    if slot.threads_per_core == 1 and slot.instance_type.split(".")[1] not in ONE_THREAD:
        cpus //= 2
    return SlurmNode(
        name=host_name(slot.address), address=slot.address, type=_KINDS[slot.node_type], partitions=slot.partitions,
        cpus=cpus, threads_per_core=slot.threads_per_core, memory_mib=memory, gpus=gpus,
    )  # fmt: skip
