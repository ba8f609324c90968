"""Samples of nodes of Slurm: an agent on each node reads the node's own exporters and sends what they say.

Sources, read 2026-11-22: "Configuration" and "Prometheus Agent Mode", Prometheus documentation 3 (environment variables
in external labels); "Ingest metrics to your workspace", Amazon Managed Service for Prometheus User Guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.observability.exporters import EXPORTERS
from constructs_lib.observability.prometheus import MetricsWorkspace
from constructs_lib.observability.scraping import LEAST_SECONDS, check_interval, kept
from constructs_lib.published import PublishedParameters
from ml_contract.clusters.exporters import NODES, PORTS
from ml_contract.clusters.nodes import NODE_TYPES, NodeType

_OF_SCRAPES = "scrape_.*"
"""Figures of Prometheus about its own scrapes, four a target, beside ``up``."""


def agent_configuration(
    node_type: NodeType, *, cluster: str, endpoint: str, region: str, every_seconds: int = LEAST_SECONDS
) -> dict[str, Any]:
    """Configuration of Prometheus in agent mode for a node: it scrapes its own exporters alone and keeps nothing.

    Args:
        node_type: What the node is; it has the exporters that ``ml_contract.clusters.exporters`` gives it.
        cluster: Name of the cluster, the label ``cluster`` of each series. ``node`` is the environment variable
            ``HOSTNAME`` of the agent's process.
        endpoint: Address of the workspace, with a slash at its end.
        region: Region of the workspace.
        every_seconds: Time between two samples.

    Raises:
        ContractError: The interval is out of range.
    """
    check_interval(every_seconds)
    return {
        "global": {
            "scrape_interval": f"{every_seconds}s",
            "external_labels": {"cluster": cluster, "node": "${HOSTNAME}"},
        },
        "scrape_configs": [_job(name, node_type) for name, types in NODES.items() if node_type in types],
        "remote_write": [
            {
                "url": f"{endpoint}api/v1/remote_write",
                "sigv4": {"region": region},
                "queue_config": {"max_samples_per_send": 1000, "max_shards": 10, "capacity": 2500},
                # Relabelling of samples does not see them.
                "write_relabel_configs": [{"source_labels": ["__name__"], "regex": _OF_SCRAPES, "action": "drop"}],
            }
        ],
    }


def _job(name: str, node_type: NodeType) -> dict[str, Any]:
    served = [one for one in EXPORTERS if one.port == PORTS[name] and node_type in one.nodes]
    return {
        "job_name": name,
        "static_configs": [{"targets": [f"localhost:{PORTS[name]}"]}],
        "metric_relabel_configs": kept(served),
    }


class PublishedAgents(Construct):
    """Configurations of the agents, a parameter for each type of node: the workspace's address is not known before."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: str,
        path: str,
        workspace: MetricsWorkspace,
        every_seconds: int = LEAST_SECONDS,
    ) -> None:
        """Publish them.

        Args:
            scope: Parent.
            construct_id: Construct id.
            cluster: Name of the cluster.
            path: What the parameters' names start with, for example ``/trainyard/dev/clusters/research/agents``.
            workspace: Where samples go.
            every_seconds: Time between two samples of a series.

        Raises:
            ContractError: The interval is out of range.
        """
        super().__init__(scope, construct_id)
        self._workspace = workspace
        stack = cdk.Stack.of(self)
        values: dict[str, str | Sequence[str]] = {
            node_type: stack.to_json_string(
                agent_configuration(node_type, cluster=cluster, endpoint=workspace.endpoint, region=stack.region,
                                    every_seconds=every_seconds)
            )
            for node_type in NODE_TYPES
        }  # fmt: skip
        self._parameters = PublishedParameters(self, "Parameters", path=path, values=values)

    def grant(self, role: iam.IRole) -> None:
        """Let nodes with ``role`` read their configuration and send samples."""
        self._parameters.grant_read(role)
        self._workspace.grant_write(role)
