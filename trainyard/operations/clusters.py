"""HyperPod clusters: what they are like, their nodes, their events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trainyard.operations.connection import Connection, OperationError

_NAME = re.compile(r"arn:.+:cluster/[a-z0-9]{12}|[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""ClusterName or ARN (DescribeCluster, API reference, read 2026-11-22)."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """An instance group."""

    name: str
    """Its name."""
    status: str
    """Its status, as the service names it."""
    instance_type: str
    """Type of its instances; the first of several."""
    current: int
    """Instances that run."""
    target: int
    """Instances that shall."""
    node_type: str = ""
    """What its nodes are to Slurm: Controller, Login or Compute; empty without."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster."""

    name: str
    """Its name."""
    arn: str
    """Its ARN."""
    status: str
    """Its status, as the service names it."""
    reason: str = ""
    """Why its last change failed; empty when it did not."""
    orchestrator: str = ""
    """Slurm or Eks; empty where lifecycle scripts bring one."""
    continuous: bool = False
    """Whether it provisions continuously, and so has events."""
    groups: tuple[Group, ...] = ()
    """Its groups."""

    @property
    def id(self) -> str:
        """Last part of the ARN."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node."""

    id: str
    """The instance."""
    group: str
    """Name of its group."""
    status: str
    """Its status, as the service names it."""
    message: str
    """What the service says of it; often empty."""
    host: str
    """Its host name; empty before it has one."""
    launched: datetime
    """When the instance was launched."""
    names: tuple[str, ...] = field(default=(), repr=False)
    """Everything that it may be called."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a cluster."""

    time: datetime
    """When."""
    level: str
    """Info, Warn or Error."""
    subject: str
    """The instance or group; the cluster's name otherwise."""
    text: str
    """What."""


def names(connection: Connection) -> list[str]:
    """Names of all clusters, newest first."""
    pages = connection.client("sagemaker").get_paginator("list_clusters").paginate()
    return [str(row["ClusterName"]) for page in pages for row in page["ClusterSummaries"]]


def choose(connection: Connection, name: str | None) -> str:
    """The cluster that is meant: the one that there is, where none is named.

    Raises:
        OperationError: There is none, or more than one, or what is given names none.
    """
    if name is not None:
        if not _NAME.fullmatch(name):
            raise OperationError(
                f"--cluster: got {name!r}, but it is a cluster's name or ARN: letters, digits and single hyphens. "
                "See `trainyard cluster status` for what there is"
            )
        return name
    found = names(connection)
    if not found:
        raise OperationError(f"there is no cluster on {connection.name}")
    if len(found) > 1:
        raise OperationError(f"there are the clusters {', '.join(found)}. Name one with --cluster")
    return found[0]


def describe(connection: Connection, name: str) -> Cluster:
    """One cluster."""
    found = connection.client("sagemaker").describe_cluster(ClusterName=name)
    return Cluster(
        name=found["ClusterName"],
        arn=found["ClusterArn"],
        status=found["ClusterStatus"],
        reason=found.get("FailureMessage", ""),
        orchestrator=next(iter(found.get("Orchestrator", {})), ""),
        continuous=found.get("NodeProvisioningMode") == "Continuous",
        groups=tuple(_group(group) for group in found["InstanceGroups"]),
    )


def nodes(connection: Connection, name: str) -> list[Node]:
    """The nodes of a cluster, by group."""
    client = connection.client("sagemaker")
    pages = client.get_paginator("list_cluster_nodes").paginate(ClusterName=name, IncludeNodeLogicalIds=True)
    rows = [row for page in pages for row in page["ClusterNodeSummaries"]]
    return sorted((_node(row) for row in rows), key=lambda node: (node.group, node.launched, node.id))


def events(connection: Connection, name: str, most: int) -> list[Event]:
    """The last events of a cluster with continuous provisioning, newest first.

    Args:
        connection: Where the cluster is.
        name: The cluster.
        most: How many; at most 100.
    """
    found = connection.client("sagemaker").list_cluster_events(ClusterName=name, MaxResults=most)["Events"]
    return [
        Event(
            time=row["EventTime"],
            level=row.get("EventLevel", "Info"),
            subject=row.get("InstanceId") or row.get("InstanceGroupName") or name,
            text=row.get("Description", ""),
        )
        for row in found
    ]


def _group(found: dict[str, Any]) -> Group:
    types: Sequence[str] = found.get("InstanceRequirements", {}).get("DesiredInstanceTypes", [""])
    return Group(
        name=found["InstanceGroupName"],
        status=found.get("Status", ""),
        instance_type=found.get("InstanceType") or types[0],
        current=found["CurrentCount"],
        target=found["TargetCount"],
        node_type=found.get("SlurmConfig", {}).get("NodeType", ""),
    )


def _node(row: dict[str, Any]) -> Node:
    host = row.get("PrivateDnsHostname", "").partition(".")[0]
    called = (row["InstanceId"], row.get("NodeLogicalId", ""), host)
    return Node(
        id=row["InstanceId"],
        group=row["InstanceGroupName"],
        status=row["InstanceStatus"]["Status"],
        message=row["InstanceStatus"].get("Message", ""),
        host=host,
        launched=row["LaunchTime"],
        names=tuple(name for name in called if name),
    )
