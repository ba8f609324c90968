"""Arithmetic of subnets.

Sources: "Subnet CIDR blocks" (VPC User Guide: five reserved addresses, blocks of /16 to /28), "Give SageMaker AI
Training Jobs Access to Resources in Your Amazon VPC" (at least two private addresses an instance, five where it has
EFA), both read 2026-11-21; "Setting up SageMaker HyperPod with a custom Amazon VPC" (a node of a cluster takes one
address for each network card, 32 on P5; under EKS the first card holds 50, so 81; the block of a subnet cannot be
changed, and a cluster that outgrows it must be made anew), "Elastic Fabric Adapter" (an EFA-only interface has no
address), read 2026-11-22.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

RESERVED = 5
"""Addresses that AWS takes from every subnet."""
PER_NODE = 2
PER_EFA_NODE = 5
GENERATIONS = 2
"""Nodes counted twice: a restarted job's interfaces, or a replaced node's, come before those of the ended one are gone;
and a cluster can double before it must move."""
PODS = 49
"""Pods of a HyperPod node under EKS that take an address each: the first card's interface has 50, one is the node's."""
SMALLEST_PREFIX = 28
LARGEST_PREFIX = 16
_CARDS_WITHOUT_EFA = {"ml.p6-b300.48xlarge": 1}
"""Network cards beside those with EFA: "Maximize network bandwidth on Amazon EC2 instances with multiple network
cards", EC2 User Guide, read 2026-11-22."""


class Nodes(Value):
    """Nodes of a cluster that are alike, as their subnet sees them."""

    instance_type: str
    """Type, for example ``ml.p5.48xlarge``."""
    count: int = Field(ge=1, le=6758)
    """Most nodes at one time, spares included."""
    interface: Literal["efa", "efa-only"] = "efa"
    """Whether each network card has an address, which is what HyperPod does by default, or only the first one."""
    pods: int = Field(default=0, ge=0, le=737)
    """Pods of one node that take an address each; none without Kubernetes, ``PODS`` on a HyperPod node under EKS."""

    @field_validator("instance_type")
    @classmethod
    def _check_type(cls, value: str) -> str:
        instance(value, field="")
        return value

    @property
    def each(self) -> int:
        """Addresses of one node."""
        adapters = 1 if self.interface == "efa-only" else max(1, instance(self.instance_type).efa_interfaces)
        cards = adapters + (_CARDS_WITHOUT_EFA.get(self.instance_type, 0) if self.interface == "efa" else 0)
        return cards + self.pods

    @property
    def addresses(self) -> int:
        """Addresses of all nodes, and of those that replace them."""
        return GENERATIONS * self.count * self.each


def addresses(*, nodes: int, efa: bool, endpoints: int) -> int:
    """Addresses that a subnet of jobs must have.

    Args:
        nodes: Nodes that may run at the same time in one availability zone: a job lives in one.
        efa: Whether they carry Elastic Fabric Adapters.
        endpoints: Interface endpoints, each with one address a subnet.
    """
    return RESERVED + endpoints + GENERATIONS * nodes * (PER_EFA_NODE if efa else PER_NODE)


def prefix_for(needed: int) -> int:
    """Length of the prefix of the smallest subnet with that many addresses, those that AWS reserves included.

    Args:
        needed: Addresses, at least 1.
    """
    return min(SMALLEST_PREFIX, 32 - (needed - 1).bit_length())


def network_of(field: str, cidr: str) -> ipaddress.IPv4Network:
    """The block that a user wrote.

    Raises:
        ContractError: It is no block of a VPC or subnet.
    """
    try:
        block = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        reject(field, cidr, f"it must be an IPv4 network ({error})", "Write it like 10.20.0.0/16.")
    if not LARGEST_PREFIX <= block.prefixlen <= SMALLEST_PREFIX:
        reject(field, cidr, f"a VPC's block is /{LARGEST_PREFIX} to /{SMALLEST_PREFIX}", "Choose such a block.")
    return block


def subnet_prefix(*, cidr: str, subnets: int, nodes: int, efa: bool, endpoints: int) -> int:
    """Length of the prefix of each subnet of jobs: the smallest block that holds the nodes.

    Raises:
        ContractError: The block of the network is no network or too small; the way out names a size that suffices.
    """
    block = network_of("cidr", cidr)
    needed = addresses(nodes=nodes, efa=efa, endpoints=endpoints)
    prefix = prefix_for(needed)
    largest = prefix - (subnets - 1).bit_length()
    if largest < LARGEST_PREFIX:
        reject(
            "nodes", nodes,
            f"{subnets} subnets of {needed} addresses do not fit into a /{LARGEST_PREFIX}, the largest VPC",
            "Take fewer nodes or availability zones.",
        )  # fmt: skip
    if block.prefixlen > largest:
        reject("cidr", cidr, f"{subnets} subnets of {needed} addresses each for {nodes} nodes do not fit into it",
               f"Take a /{largest} or fewer nodes.")  # fmt: skip
    return prefix
