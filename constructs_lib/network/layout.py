"""Which block each subnet gets.

Subnets of jobs begin at the bottom of the network's block, as CDK lays them out; room for the small ones of a way out
comes next, whether there is one or not; subnets of clusters follow in their order. So a later way out moves no subnet,
and neither does a cluster that is added last: a moved subnet would be replaced, and a cluster's network cannot change.

Source of what a second block may be: "VPC CIDR blocks", "IPv4 CIDR block association restrictions" and quota "IPv4 CIDR
blocks per VPC", VPC User Guide, read 2026-11-22.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from constructs_lib.network.sizing import RESERVED, SMALLEST_PREFIX, Nodes, network_of, prefix_for
from constructs_lib.network.zones import Zone
from constructs_lib.values import Value
from ml_contract.errors import reject

Block = ipaddress.IPv4Network
MOST_BLOCKS = 5
"""IPv4 blocks of a VPC; the quota can be raised to 50, and no layout here needs that."""
_SMALL = 2 ** (32 - SMALLEST_PREFIX)
_PRIVATE = tuple(map(Block, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16")))
_UNTAKEN = ((Block("10.0.0.0/15"), Block("10.0.0.0/16")), (Block("172.16.0.0/12"), Block("172.31.0.0/16")))
"""With a block of the first, a VPC takes none of the second ("VPC CIDR blocks", Amazon VPC User Guide, read
2026-11-22)."""


class ClusterSubnet(Value):
    """A subnet for the nodes of one cluster, in the zone that has their capacity, and for what lives beside them."""

    name: str = Field(pattern=r"^[A-Z][A-Za-z0-9]{0,30}$")
    """Construct id, part of the logical id, for example ``Slurm``."""
    zone: Zone
    """Availability zone: EFA traffic does not leave one."""
    nodes: tuple[Nodes, ...] = Field(min_length=1)
    """The most nodes that it will ever have: the block cannot be changed later."""
    others: int = Field(default=0, ge=0, le=4096)
    """Further addresses, such as those of the servers of a file system; none by default."""
    cidr: str | None = None
    """A block of its own, /16 to /28, which is added to the network; by default it is carved from the network's."""

    @property
    def needed(self) -> int:
        """Addresses that it must have."""
        return RESERVED + self.others + sum(nodes.addresses for nodes in self.nodes)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The blocks of a network's subnets."""

    jobs: tuple[Block, ...]
    """One a zone."""
    clusters: tuple[Block, ...]
    """One a cluster."""
    small: tuple[Block, ...]
    """One a zone for the way out, or none."""
    added: tuple[Block, ...]
    """Blocks that the network has beside its own."""


def lay_out(*, cidr: str, prefix: int, zones: int, clusters: Sequence[ClusterSubnet], small: bool) -> Layout:
    """Give every subnet its block.

    Args:
        cidr: Block of the network.
        prefix: Length of the prefix of a subnet of jobs.
        zones: Number of zones.
        clusters: Subnets of clusters.
        small: Whether the way out needs a small subnet in each zone.

    Raises:
        ContractError: A subnet of a cluster, or of the way out, does not fit, or a block of its own cannot be added.
    """
    whole = network_of("cidr", cidr)
    size = 2 ** (32 - prefix)
    start = int(whole.network_address)
    jobs = tuple(Block((start + index * size, prefix)) for index in range(zones))
    added = tuple(_added(whole, clusters))
    behind, end = start + zones * size, int(whole.broadcast_address) + 1
    free = behind + zones * _SMALL
    if small and free > end:
        reject("cidr", cidr, f"behind the subnets of jobs it has no room for {zones} small ones of the way out",
               f"Take a /{whole.prefixlen - 1}.")  # fmt: skip
    narrow = tuple(Block((behind + index * _SMALL, SMALLEST_PREFIX)) for index in range(zones)) if small else ()
    placed = []
    for index, cluster in enumerate(clusters):
        length = prefix_for(cluster.needed)
        field = f"clusters.{index}"
        if cluster.cidr is not None:
            own = network_of(f"{field}.cidr", cluster.cidr)
            if own.num_addresses < cluster.needed:
                reject(f"{field}.cidr", cluster.cidr, f"{cluster.name} needs {cluster.needed} addresses",
                       f"Take a /{length}, or fewer nodes.")  # fmt: skip
            placed.append(own)
            continue
        room = 2 ** (32 - length)
        aligned = -(-free // room) * room
        if aligned + room > end:
            reject(field, cluster.name, f"it needs {cluster.needed} addresses, and {cidr} has no /{length} left",
                   f"Give it a block of its own, cidr=…/{length}, or the network a larger one.")  # fmt: skip
        placed.append(Block((aligned, length)))
        free = aligned + room
    return Layout(jobs=jobs, clusters=tuple(placed), small=narrow, added=added)


def _added(whole: Block, clusters: Sequence[ClusterSubnet]) -> list[Block]:
    found: list[Block] = []
    for index, cluster in enumerate(clusters):
        if cluster.cidr is None:
            continue
        field = f"clusters.{index}.cidr"
        block = network_of(field, cluster.cidr)
        for other in (whole, *found):
            if block.overlaps(other):
                reject(field, cluster.cidr, f"blocks of one network do not overlap, and it has {other}",
                       "Take another one.")  # fmt: skip
        _check_family(field, (whole, *found), block)
        found.append(block)
    if len(found) >= MOST_BLOCKS:
        reject("clusters", len(found), f"a VPC has at most {MOST_BLOCKS} blocks, its first included",
               "Let some subnets share the network's own block.")  # fmt: skip
    return found


def _check_family(field: str, there: Sequence[Block], block: Block) -> None:
    """A block of one private range is not added to a network of another one, nor one that AWS keeps."""
    whole = there[0]
    first = next((range_ for range_ in _PRIVATE if whole.subnet_of(range_)), None)
    second = next((range_ for range_ in _PRIVATE if block.subnet_of(range_)), None)
    if second is not None and first != second:
        reject(field, str(block), f"to {whole} no block of {second} can be added",
               f"Take one of {first or '100.64.0.0/10'}.")  # fmt: skip
    kept = next(
        (kept for home, kept in _UNTAKEN if block.subnet_of(kept) and any(b.subnet_of(home) for b in there)), None
    )
    if kept is not None:
        reject(field, str(block), f"to {whole} no block of {kept} can be added", f"Take another one of {first}.")
