"""How samples get from nodes to Prometheus: an agent on each node of Slurm, the managed collector for EKS.

Sources, read 2026-11-22: "Configuration" and "Prometheus Agent Mode", Prometheus documentation 3 (environment variables
in external labels); "Ingest metrics to your workspace" and "Using an AWS managed collector", Amazon Managed Service for
Prometheus User Guide (an interval of 30 s at least; two subnets in two zones).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_aps as aps
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.observability.exporters import GPU, KUEUE, NODE, Exporter
from constructs_lib.observability.prometheus import MetricsWorkspace
from constructs_lib.published import PublishedParameters
from ml_contract.clusters.exporters import NODES, PORTS
from ml_contract.clusters.nodes import NODE_TYPES, NodeType
from ml_contract.errors import reject

LEAST_SECONDS = 30
MOST_SECONDS = 300
"""Beyond it a counter's rate over Grafana's shortest window would be empty."""
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


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
    _check_interval(every_seconds)
    return {
        "global": {
            "scrape_interval": f"{every_seconds}s",
            "external_labels": {"cluster": cluster, "node": "${HOSTNAME}"},
        },
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [f"localhost:{PORTS[name]}"]}]}
            for name, types in NODES.items()
            if node_type in types
        ],
        "remote_write": [
            {
                "url": f"{endpoint}api/v1/remote_write",
                "sigv4": {"region": region},
                "queue_config": {"max_samples_per_send": 1000, "max_shards": 10, "capacity": 2500},
            }
        ],
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


class ManagedCollector(Construct):
    """AWS's own collector, which reads the pods of a cluster on EKS; nothing of it runs on a node."""

    resource: aps.CfnScraper

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: str,
        eks_arn: str,
        network: Network,
        workspace: MetricsWorkspace,
        every_seconds: int = LEAST_SECONDS,
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            cluster: Name of the HyperPod cluster, the label ``cluster`` of each series.
            eks_arn: ARN of its EKS cluster, whose authentication mode has the API: the collector's access entry is
                made by the service.
            network: Where the collector gets its interfaces: two zones at least.
            workspace: Where samples go.
            every_seconds: Time between two samples of a series.

        Raises:
            ContractError: The network has one zone, or the interval is out of range.
        """
        super().__init__(scope, construct_id)
        subnets = [subnet.subnet_id for subnet in network.subnets]
        if len(subnets) < 2:
            reject("network", len(subnets), "the managed collector takes subnets in two zones",
                   "Give the network a second zone: it needs no nodes there.")  # fmt: skip
        blob = base64.b64encode(json.dumps(collector_configuration(cluster, every_seconds)).encode()).decode()
        scraper = aps.CfnScraper
        self.resource = scraper(
            self,
            "Resource",
            alias=cluster,
            source=scraper.SourceProperty(
                eks_configuration=scraper.EksConfigurationProperty(
                    cluster_arn=eks_arn, subnet_ids=subnets, security_group_ids=[network.nodes.security_group_id]
                )
            ),
            destination=scraper.DestinationProperty(
                amp_configuration=scraper.AmpConfigurationProperty(workspace_arn=workspace.arn)
            ),
            scrape_configuration=scraper.ScrapeConfigurationProperty(configuration_blob=blob),
        )


def collector_configuration(cluster: str, every_seconds: int) -> dict[str, Any]:
    """Configuration of the collector: pods by the port that an exporter has.

    Raises:
        ContractError: The interval is out of range.
    """
    _check_interval(every_seconds)
    return {
        "global": {"scrape_interval": f"{every_seconds}s", "external_labels": {"cluster": cluster}},
        "scrape_configs": [*(_pods(one) for one in (NODE, GPU)), {**_pods(KUEUE), **_KUEUE_OVER_TLS}],
    }


_KUEUE_OVER_TLS: Mapping[str, Any] = {
    # Kueue makes its certificate itself, and asks who is there.
    "scheme": "https",
    "tls_config": {"insecure_skip_verify": True},
    "bearer_token_file": _TOKEN,
}


def _pods(exporter: Exporter) -> dict[str, Any]:
    return {
        "job_name": exporter.name,
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_container_port_number"], "regex": str(exporter.port),
             "action": "keep"},
            {"source_labels": ["__meta_kubernetes_pod_node_name"], "target_label": "node"},
        ],
    }  # fmt: skip


def _check_interval(seconds: int) -> None:
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        reject("every_seconds", seconds, f"it is between {LEAST_SECONDS} and {MOST_SECONDS}",
               "Samples are paid by their number: take the longest that is still of use.")  # fmt: skip
