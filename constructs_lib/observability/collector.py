"""Samples of clusters on EKS: AWS's collector reads the pods; nothing of it runs on a node.

Sources, read 2026-11-22: "Using an AWS managed collector" (two subnets in two zones) and "Ingest metrics to your
workspace", Amazon Managed Service for Prometheus User Guide; "Configuration", Prometheus documentation 3.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_aps as aps
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.observability.exporters import EXPORTERS, GPU, KUEUE, NODE, SLURM, Exporter
from constructs_lib.observability.prometheus import MetricsWorkspace
from constructs_lib.observability.scraping import LEAST_SECONDS, check_interval, kept
from ml_contract.errors import reject

_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


class ManagedCollector(Construct):
    """The collector of one cluster."""

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
    check_interval(every_seconds)
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
    served = [one for one in EXPORTERS if one.port == exporter.port and one is not SLURM]
    return {
        "job_name": exporter.name,
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_container_port_number"], "regex": str(exporter.port),
             "action": "keep"},
            {"source_labels": ["__meta_kubernetes_pod_node_name"], "target_label": "node"},
        ],
        "metric_relabel_configs": kept(served),
    }  # fmt: skip
