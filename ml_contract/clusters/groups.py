"""Instance groups as a node's scripts know them."""

from __future__ import annotations

from ml_contract.checks import matches
from ml_contract.clusters.nodes import GROUP_NAME, NodeType
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.values import value_object


@value_object
class Host:
    """What an instance type brings, which a node is checked against."""

    instance_type: str
    """For example ``ml.p5.48xlarge``."""
    accelerators: int
    """Devices that nvidia-smi lists; 0 for a CPU type and for Neuron."""
    efa_interfaces: int
    """Devices below /sys/class/infiniband; 0 where the group does not ask for EFA."""

    @classmethod
    def of(cls, instance_type: str, *, efa: bool) -> Host:
        """What the catalogue says of ``instance_type``, which has EFA interfaces where ``efa`` asks for them."""
        entry = instance(instance_type)
        neuron = (entry.accelerator or "").startswith(("Trainium", "Inferentia"))
        nvidia = 0 if neuron else entry.accelerators
        return cls(instance_type=instance_type, accelerators=nvidia, efa_interfaces=entry.efa_interfaces if efa else 0)


@value_object
class NodeGroup:
    """An instance group."""

    name: str
    """InstanceGroupName."""
    node_type: NodeType
    """What its nodes are to Slurm."""
    hosts: tuple[Host, ...]
    """The instance types it may have."""

    def __post_init__(self) -> None:
        matches("groups.name", self.name, GROUP_NAME)
        if not self.hosts:
            reject(f"groups.{self.name}.hosts", (), "an instance is of some type", "Name at least one.")
