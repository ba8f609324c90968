"""Logs, alarms, metrics, dashboards, messages."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.cost.estimators.base import Around, Estimator, Simple, unknown
from trainyard.cost.estimators.properties import number, text
from trainyard.cost.lines import Line
from trainyard.cost.templates import Resource

_DAYS = 30


class LogGroup(Estimator):
    """What is written, and what is kept as long as the retention says."""

    types = ("AWS::Logs::LogGroup",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        of_flows = any(
            each.type == "AWS::EC2::FlowLog" and _into(each, resource) for each in around.template.resources.values()
        )
        name = "flow_log_gb_per_month" if of_flows else "log_gb_per_month"
        written = around.assumptions[name]
        if text(resource.properties, "LogGroupClass", "STANDARD") != "STANDARD":
            yield unknown("logs of another class", "only prices of the standard class are known")
            return
        if not of_flows:  # the flow log bills what it delivers
            yield around.use("ingested", "logs/ingested-gb", written, name)
        if "RetentionInDays" in resource.properties:
            kept = written * number(resource.properties, "RetentionInDays") / _DAYS
            yield around.use("kept, once the retention is reached", "logs/stored-gb-month", kept, name)
        else:
            yield unknown("kept", "without RetentionInDays logs are kept for ever, and each month bills more")


def _into(flow_log: Resource, group: Resource) -> bool:
    """Whether a flow log writes to this group: by reference, by its name, or by its ARN."""
    name, own = str(flow_log.properties.get("LogGroupName")), group.properties.get("LogGroupName")
    wanted = (f"${{{group.logical_id}}}", own)
    return name in wanted or f"${{{group.logical_id}.Arn}}" in str(flow_log.properties.get("LogDestination"))


class FlowLog(Estimator):
    """What it writes to CloudWatch; to a bucket it is delivered for less, at a price that is not here."""

    types = ("AWS::EC2::FlowLog",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        kind = text(resource.properties, "LogDestinationType", "cloud-watch-logs")
        if kind != "cloud-watch-logs":
            yield unknown(f"delivery to {kind}", "only prices of delivery to CloudWatch are known")
            return
        name = "flow_log_gb_per_month"
        yield around.use("delivered", "logs/ingested-gb", around.assumptions[name], name)


class Alarm(Estimator):
    """Each metric that it watches, dearer below a minute; three for a band of what is expected.

    Source: Amazon CloudWatch pricing, "alarms": price an alarm metric; read 2026-11-22.
    """

    types = ("AWS::CloudWatch::Alarm",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        queries = resource.properties.get("Metrics") or []
        metrics = [each for each in queries if isinstance(each, dict) and "MetricStat" in each]
        periods = [number(each["MetricStat"], "Period") for each in metrics] or [
            number(resource.properties, "Period", 60)
        ]
        band = any("ANOMALY_DETECTION_BAND" in str(each.get("Expression", "")) for each in queries)
        quick = min(periods) < 60
        item = f"cloudwatch/alarm{'-high-resolution' if quick else ''}-month"
        count = len(periods) * (3 if band else 1)
        yield around.fixed(f"alarm on {count} metric{'s' if count > 1 else ''}", item, count)


class Composite(Simple):
    """An alarm of alarms."""

    types = ("AWS::CloudWatch::CompositeAlarm",)
    fixed = (("composite alarm", "cloudwatch/composite-alarm-month"),)


class Dashboard(Simple):
    """A dashboard a month; the first three of an account are free, which no template tells."""

    types = ("AWS::CloudWatch::Dashboard",)
    fixed = (("dashboard", "cloudwatch/dashboard-month"),)


class Workspace(Simple):
    """Managed Prometheus: samples written, kept and read."""

    types = ("AWS::APS::Workspace",)
    used = (
        ("samples written", "prometheus/10-million-samples", "prometheus_million_samples_per_month", 10),
        ("samples kept", "prometheus/stored-gb-month", "prometheus_gb", 1),
        ("samples read", "prometheus/billion-samples-queried", "prometheus_queried_billions", 1),
    )


class Scraper(Simple):
    """A managed collector by the hour, and the samples that it collects, beside their writing."""

    types = ("AWS::APS::Scraper",)
    fixed = (("managed collector", "prometheus/collector-hour"),)
    used = (
        ("samples collected", "prometheus/10-million-samples-collected", "prometheus_million_samples_per_month", 10),
    )


class Grafana(Simple):
    """Managed Grafana by the people, and service accounts, that signed in during a month; one editor at least."""

    types = ("AWS::Grafana::Workspace",)
    used = (
        ("editors", "grafana/editor-month", "grafana_editors", 1),
        ("viewers", "grafana/viewer-month", "grafana_viewers", 1),
    )


class Topic(Simple):
    """Publications; mails and calls of HTTP endpoints are a few cents a hundred thousand more."""

    types = ("AWS::SNS::Topic",)
    used = (("publications", "sns/million-requests", "sns_requests_per_month", 1_000_000),)


class Queue(Estimator):
    """Requests."""

    types = ("AWS::SQS::Queue",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        name = "sqs_requests_per_month"
        kind = "-fifo" if resource.properties.get("FifoQueue") in (True, "true") else ""
        yield around.use("requests", f"sqs/million{kind}-requests", around.assumptions[name] / 1e6, name)
