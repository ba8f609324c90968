"""What every network is asked to be, whether it is made here or was there before."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct
from pydantic import Field, field_validator

from constructs_lib.network.purposes import JOBS, Purpose, endpoints_of
from constructs_lib.network.sizing import GENERATIONS, Nodes
from constructs_lib.values import Value
from ml_contract.errors import reject


@dataclass(frozen=True, kw_only=True)
class Place:
    """A private subnet where nodes of a cluster can live."""

    name: str
    """Of the cluster that it was made for, or of its zone where it is one of the jobs'."""
    zone: str
    subnet: ec2.ISubnet
    room: int
    """Addresses for nodes, those of their replacements included."""
    spare: int
    """Addresses that no planned node and no endpoint takes: for servers of file systems."""

    def admit(self, field: str, nodes: Sequence[Nodes]) -> None:
        """Refuse more nodes than fit: a subnet cannot grow, and a cluster cannot move.

        Args:
            field: Name of the user's field, for the error.
            nodes: All nodes that are to live here.

        Raises:
            ContractError: With the size that suffices.
        """
        needed = sum(one.addresses for one in nodes)
        if needed > self.room:
            count = sum(one.count for one in nodes)
            reject(field, count, f"{count} nodes, counted {GENERATIONS} times for their replacements, take {needed} "
                   f"addresses and the subnet {self.name} has {self.room}",
                   "Plan the network with as many nodes, or take fewer.")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """What a plan becomes in a stack."""

    vpc: ec2.IVpc
    jobs: Sequence[Place]
    """Subnets of jobs, one a zone."""
    clusters: Mapping[str, Place]
    """Subnets of clusters by their names."""
    nodes: ec2.ISecurityGroup
    closed: bool
    """Whether nothing outside can be reached but by endpoints."""
    made: Sequence[IConstruct] = ()
    """Resources that must not be replaced under those who use them; none where nothing is made."""


class NetworkPlan(Value):
    """A network for a number of nodes."""

    nodes: int = Field(ge=1, le=6758)
    """Most nodes of jobs and endpoints together that run at one time; clusters have subnets of their own."""
    efa: bool
    """Whether nodes of jobs have Elastic Fabric Adapters: five addresses each instead of two."""
    purposes: tuple[Purpose, ...] = (JOBS,)
    """What runs in it, and so which endpoints it has and which buckets of AWS are read; jobs by default."""

    @field_validator("purposes")
    @classmethod
    def _check_purposes(cls, value: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
        names = [purpose.name for purpose in value]
        if len(set(names)) < len(names):
            reject("", names, "a purpose counts once", "Remove the repetition.")
        return value

    @property
    @abstractmethod
    def zones(self) -> tuple[str, ...]:
        """Names of its availability zones."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether some subnet reaches nothing but endpoints."""

    def require(self, purpose: Purpose, user: str) -> None:
        """Refuse a network that was not made for ``purpose``.

        In a closed one without its endpoints, what calls them would wait, and then fail. In any, addresses that nobody
        counted may be missing on the day when they are taken.

        Args:
            purpose: What is to run in the network.
            user: Who needs it, for the error.

        Raises:
            ContractError: With the missing services, or the addresses.
        """
        names = [one.name for one in self.purposes]
        there = {endpoint.service for endpoint in endpoints_of(self.purposes)}
        missing = [endpoint.service for endpoint in purpose.endpoints if endpoint.service not in there]
        if self.closed and missing:
            reject("network.purposes", names,
                   f"the network is closed and {user} calls {', '.join(missing)}",
                   f"Add what stands for {purpose.name}, or give the network a way out.")  # fmt: skip
        if purpose.addresses and purpose.name not in names:
            reject("network.purposes", names,
                   f"{user} takes {purpose.addresses} addresses in each zone, and no subnet was sized for them",
                   f"Add what stands for {purpose.name}.")  # fmt: skip

    @abstractmethod
    def bind(self, scope: Construct, removal: cdk.RemovalPolicy) -> Fabric:
        """Make the network in ``scope``, or find it.

        Args:
            scope: The construct that holds it.
            removal: What happens to logs and their key when the stack goes.
        """
