"""Whether a quota is still what was deployed, as a metric."""

from __future__ import annotations

from typing import Any

from .comparing import Document, changeable, differences, is_of_another_deployment
from .quotas import READY, Quotas

NAMESPACE = "Trainyard/Governance"
METRIC = "QuotaDrift"


def drift(quotas: Quotas, identity: str, request: Document) -> list[str]:
    """What is not as it was deployed, each in a line; empty where nothing is."""
    found = quotas.describe(identity)
    if found is None:
        return [f"{request['Name']}: gone"]
    if is_of_another_deployment(request, found):
        # The look that comes with it judges.
        return []
    told = [f"{request['Name']}: {line}" for line in differences(changeable(request), found)]
    if found["Status"] not in READY:
        told.append(f"{request['Name']}: {found['Status']} {found.get('FailureReason') or ''}".rstrip())
    return told


def publish(client: Any, request: Document, count: int) -> None:
    """Publish how many things differ, for the cluster and for the team.

    Args:
        client: Client of CloudWatch.
        request: What was deployed.
        count: Differences.
    """
    cluster = {"Name": "ClusterArn", "Value": request["ClusterArn"]}
    team = {"Name": "Team", "Value": request["ComputeQuotaTarget"]["TeamName"]}
    data = [
        {"MetricName": METRIC, "Dimensions": dimensions, "Value": float(count), "Unit": "Count"}
        for dimensions in ([cluster], [cluster, team])
    ]
    client.put_metric_data(Namespace=NAMESPACE, MetricData=data)
