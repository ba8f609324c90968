"""The network that everything else runs in."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct

from constructs_lib.network.plan import NetworkPlan, Place
from constructs_lib.network.purposes import Purpose


class Network(Construct):
    """VPC, private subnets, and the group of nodes; made here, or imported, as the plan says."""

    vpc: ec2.IVpc
    nodes: ec2.ISecurityGroup
    """Group of nodes that talk to each other, by EFA or TCP."""
    jobs: tuple[Place, ...]
    """Subnets of jobs and endpoints, one a zone; databases and control planes live there too."""
    clusters: dict[str, Place]
    """Subnets of clusters by their names."""
    closed: bool
    """Whether nothing outside can be reached but by endpoints."""
    purposes: tuple[Purpose, ...]
    """What runs in it, and so what it reaches."""
    made: tuple[IConstruct, ...]
    """Resources of its own that must not be replaced under those who use them."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: NetworkPlan, removal: cdk.RemovalPolicy
    ) -> None:
        """Build or import the network.

        Args:
            scope: Parent; its stack or stage knows its zones (see :func:`know_availability_zones`).
            construct_id: Construct id.
            settings: ``NetworkSettings`` for a network of its own, ``ImportedNetwork`` for one that exists.
            removal: What happens to the flow logs and their key when the stack goes.
        """
        super().__init__(scope, construct_id)
        fabric = settings.bind(self, removal)
        self.vpc, self.nodes, self.closed = fabric.vpc, fabric.nodes, fabric.closed
        self.purposes = settings.purposes
        self.jobs, self.clusters, self.made = tuple(fabric.jobs), dict(fabric.clusters), tuple(fabric.made)

    @property
    def subnets(self) -> list[ec2.ISubnet]:
        """Subnets of jobs and endpoints, one a zone."""
        return [place.subnet for place in self.jobs]

    def places(self, zone: str | None = None) -> tuple[Place, ...]:
        """Where nodes of a cluster can live: subnets of clusters where there are any, those of jobs otherwise.

        Args:
            zone: Only those of this zone; of any by default.
        """
        candidates = tuple(self.clusters.values()) or self.jobs
        return tuple(place for place in candidates if zone in (None, place.zone))
