"""Arithmetic of subnets.

Sources, read 2026-11-21: "Subnet CIDR blocks" (VPC User Guide: five reserved addresses, blocks of /16 to /28);
"Give SageMaker AI Training Jobs Access to Resources in Your Amazon VPC" (at least two private addresses an instance,
five where it has EFA).
"""

from __future__ import annotations

import ipaddress

from ml_contract.errors import reject

RESERVED = 5
"""Addresses that AWS takes from every subnet."""
PER_NODE = 2
PER_EFA_NODE = 5
GENERATIONS = 2
"""Nodes counted twice: a restarted job's interfaces come before those of the ended one are gone."""
SMALLEST_PREFIX = 28
LARGEST_PREFIX = 16


def addresses(*, nodes: int, efa: bool, endpoints: int) -> int:
    """Addresses that one subnet must have.

    Args:
        nodes: Nodes that may run at the same time in one availability zone: a cluster lives in one.
        efa: Whether they carry Elastic Fabric Adapters.
        endpoints: Interface endpoints, each with one address a subnet.
    """
    return RESERVED + endpoints + GENERATIONS * nodes * (PER_EFA_NODE if efa else PER_NODE)


def subnet_prefix(*, cidr: str, subnets: int, nodes: int, efa: bool, endpoints: int) -> int:
    """Length of the prefix of each subnet: the smallest block that holds the nodes.

    Raises:
        ContractError: The block of the network is no network or too small; the way out names a size that suffices.
    """
    try:
        block = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        reject("cidr", cidr, f"it must be an IPv4 network ({error})", "Write it like 10.20.0.0/16.")
    if not LARGEST_PREFIX <= block.prefixlen <= SMALLEST_PREFIX:
        reject("cidr", cidr, f"a VPC's block is /{LARGEST_PREFIX} to /{SMALLEST_PREFIX}", "Choose such a block.")
    needed = addresses(nodes=nodes, efa=efa, endpoints=endpoints)
    prefix = min(SMALLEST_PREFIX, 32 - (needed - 1).bit_length())
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
