"""One page of CloudWatch: what CloudWatch alone knows, such as file systems, and what those see who have no Grafana.

Sources, read 2026-11-22: "Dashboard body structure and syntax" and "Search expressions", CloudWatch API reference and
user guide; metrics of training jobs have TrainingJobName as their dimension ("Monitor and analyze training jobs using
CloudWatch metrics", SageMaker AI Developer Guide); "FSx for Lustre metrics and dimensions" (a sample of each disk every
minute: what is left is their sum), FSx for Lustre User Guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from constructs_lib.governance.drift import METRIC, NAMESPACE
from constructs_lib.observability.watch import ClusterWatch
from ml_contract.metrics import GOODPUT, LOSS, MFU, TOKENS_PER_SECOND, Metric

JOBS = "{/aws/sagemaker/TrainingJobs,TrainingJobName}"
FIGURES: tuple[Metric, ...] = (GOODPUT, LOSS, TOKENS_PER_SECOND, MFU)
_WIDTH, _HEIGHT, _COLUMNS = 12, 6, 24


class CloudWatchPage(Construct):
    """A page: events of a cluster, its file systems, drift of its quotas, figures of SageMaker's training jobs."""

    resource: cloudwatch.CfnDashboard

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        watches: Sequence[ClusterWatch] = (),
        governed: Sequence[str] = (),
        file_systems: Mapping[str, str] | None = None,
        figures: Sequence[Metric] = FIGURES,
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Name of the page, once in an account and region.
            watches: Clusters whose events are counted; none by default.
            governed: ARNs of clusters whose quotas are looked after; none by default.
            file_systems: Ids of FSx for Lustre, by the names that people know; none by default.
            figures: What training jobs report; the most telling by default. Runs on clusters are not among them: their
                figures are Prometheus'.
        """
        super().__init__(scope, construct_id)
        region = cdk.Stack.of(self).region
        pictures = [(f"Training jobs: {figure.name} ({figure.unit})", _found(figure)) for figure in figures]
        pictures += [
            (f"Events of {watch.name}", [["AWS/Events", "MatchedEvents", "RuleName", rule.ref, {"label": kind}]
                                        for kind, rule in watch.rules.items()])
            for watch in watches
        ]  # fmt: skip
        for one, file_system in (file_systems or {}).items():
            both = (("DataReadBytes", "read"), ("DataWriteBytes", "written"))
            traffic = [_lustre(metric, file_system, label=label) for metric, label in both]
            left = [_lustre("FreeDataStorageCapacity", file_system, period=60)]
            pictures += [(f"{one}: bytes in five minutes", traffic), (f"{one}: bytes left", left)]
        if governed:
            pictures.append(("Quotas that differ", [[NAMESPACE, METRIC, "ClusterArn", arn] for arn in governed]))
        body = {
            "widgets": [_widget(number, title, metrics, region) for number, (title, metrics) in enumerate(pictures)]
        }
        self.resource = cloudwatch.CfnDashboard(
            self, "Resource", dashboard_name=name, dashboard_body=cdk.Stack.of(self).to_json_string(body)
        )


def _found(figure: Metric) -> list[Any]:
    expression = f"SEARCH('{JOBS} MetricName=\"{figure.name}\"', 'Average', 60)"
    return [[{"expression": expression, "id": "e1", "label": ""}]]


def _lustre(metric: str, file_system: str, **options: Any) -> list[Any]:
    return ["AWS/FSx", metric, "FileSystemId", file_system, options]


def _widget(number: int, title: str, metrics: list[Any], region: str) -> dict[str, Any]:
    across = _COLUMNS // _WIDTH
    return {
        "type": "metric",
        "x": number % across * _WIDTH,
        "y": number // across * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {"title": title, "region": region, "view": "timeSeries", "stat": "Sum", "period": 300,
                       "metrics": metrics},
    }  # fmt: skip
