"""A node of a cluster that fails on request."""

from __future__ import annotations

from typing import Literal

from trainyard.operations import clusters
from trainyard.operations.connection import Connection, OperationError

Failure = Literal["power", "health"]
_FAULTS: dict[Failure, str] = {"power": "NodeLoss", "health": "NodeHealth"}


def fail(
    connection: Connection, name: str, node: str, *, failure: Failure, reason: str = "", after_seconds: float = 0.0
) -> clusters.Node:
    """Ask the embedded cloud to let a node fail.

    Args:
        connection: The embedded cloud.
        name: The cluster.
        node: Instance id, logical id or host name.
        failure: ``power``: it is gone at once; ``health``: it is found faulty while it runs.
        reason: What is said to be wrong with it.
        after_seconds: Time until it fails.

    Returns:
        The node.

    Raises:
        OperationError: The connection leads to AWS, or the cluster has no such node.
    """
    if connection.cloud is None:
        raise OperationError(
            "a node fails on request on the embedded cloud only. On AWS replace one with "
            f"`aws sagemaker batch-replace-cluster-nodes --cluster-name {name} --node-ids {node}`"
        )
    all_of_them = clusters.nodes(connection, name)
    found = next((one for one in all_of_them if node in one.names), None)
    if found is None:
        known = ", ".join(f"{one.host or one.group} ({one.id})" for one in all_of_them)
        raise OperationError(f"{name} has no node {node!r}. It has {known or 'none'}")
    said = {"Reason": reason} if reason else {}
    connection.cloud.call(
        "InjectFault", Kind=_FAULTS[failure], ClusterName=name, Node=found.id, AfterSeconds=after_seconds, **said
    )
    return found
