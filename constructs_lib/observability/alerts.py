"""Rules that Prometheus evaluates: what is computed beforehand, and what somebody is told.

Source: "Rule files", "Rules and alerts", Amazon Managed Service for Prometheus User Guide, read 2026-11-22.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.observability.promql import check
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.metrics import GOODPUT
from ml_contract.prometheus import name_of

_NAME = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"
_DURATION = r"^[0-9]+[smhd]$"


class RecordingRule(Value):
    """A series that is computed beforehand."""

    record: str = Field(pattern=_NAME)
    """Name of the new series, with colons: ``level:metric:operation``."""
    expr: str
    """Expression."""

    def render(self) -> dict[str, Any]:
        return {"record": self.record, "expr": self.expr}


class AlertRule(Value):
    """Something that somebody is told."""

    alert: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$")
    """Name, for example ``GpuFellOff``."""
    expr: str
    """Expression; each series that it gives is one alert."""
    held: str = Field(pattern=_DURATION)
    """How long it must hold, for example ``5m``."""
    severity: Literal["page", "ticket"]
    """``page``: now. ``ticket``: in working hours."""
    summary: str = Field(min_length=1, max_length=300)
    """What happened, with labels as ``{{ $labels.node }}``."""

    def render(self) -> dict[str, Any]:
        return {
            "alert": self.alert,
            "expr": self.expr,
            "for": self.held,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary},
        }


class RuleGroup(Value):
    """Rules that are evaluated together, one after the other."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)
    """Name of the group."""
    every: str = Field(default="1m", pattern=_DURATION)
    """Time between two evaluations; a minute by default."""
    recording: tuple[RecordingRule, ...] = ()
    """Series, evaluated first; none by default."""
    alerts: tuple[AlertRule, ...] = ()
    """Alerts, which may use the group's own series; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.recording and not self.alerts:
            reject("alerts", (), "a group without rules does nothing", "Give a rule.")
        names = [rule.record for rule in self.recording] + [rule.alert for rule in self.alerts]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            reject("alerts", twice[0], "a name stands for one rule", "Rename one of them.")
        known = frozenset(rule.record for rule in self.recording)
        for rule in self._all:
            check(rule.expr, field="expr", known=known)
        return self

    @property
    def _all(self) -> tuple[RecordingRule | AlertRule, ...]:
        return (*self.recording, *self.alerts)

    def render(self) -> dict[str, Any]:
        rules = [rule.render() for rule in self._all]
        return {"name": self.name, "interval": self.every, "rules": rules}


def rule_file(groups: tuple[RuleGroup, ...]) -> str:
    """Groups as a rule file: JSON, which is YAML as well."""
    return json.dumps({"groups": [group.render() for group in groups]}, indent=1)


HARDWARE = RuleGroup(
    name="hardware",
    alerts=(
        AlertRule(
            alert="GpuRowsNotRemapped", expr="DCGM_FI_DEV_ROW_REMAP_FAILURE{} > 0", held="1m", severity="page",
            summary="GPU {{ $labels.gpu }} of {{ $labels.node }} has a memory row that could not be remapped: "
                    "replace the node",
        ),
        AlertRule(
            alert="GpuXid", held="1m",
            # What is told is the value of the first.
            expr="DCGM_FI_DEV_XID_ERRORS{} > 0 and changes(DCGM_FI_DEV_XID_ERRORS{}[10m]) > 0", severity="ticket",
            summary="GPU {{ $labels.gpu }} of {{ $labels.node }} reported XID {{ $value }}",
        ),
        AlertRule(
            alert="EfaDrops", expr="rate(node_amazonefa_rx_drops{}[5m]) > 0", held="10m", severity="ticket",
            summary="{{ $labels.device }} of {{ $labels.node }} drops packets",
        ),
        AlertRule(
            alert="NodeSilent", expr='up{job="node"} == 0', held="5m", severity="page",
            summary="{{ $labels.node }} gives no figures",
        ),
        AlertRule(
            alert="DiskFull", held="10m", severity="ticket",
            expr='node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} / node_filesystem_size_bytes{} < 0.05',
            summary="{{ $labels.mountpoint }} of {{ $labels.node }} has less than 5 % left",
        ),
    ),
)  # fmt: skip
"""What is wrong whatever runs."""


def goodput(*, least: float, held: str) -> RuleGroup:
    """An alert for runs that lose too much of their time.

    Args:
        least: Share of the time since the first start that must have made steps which were kept, 0 to 1.
        held: How long a run may be below it, for example ``30m``.
    """
    return RuleGroup(
        name="goodput",
        alerts=(
            AlertRule(
                alert="GoodputLow", expr=f"{name_of(GOODPUT)}{{}} < {least:g}", held=held, severity="ticket",
                summary="{{ $labels.run }} makes use of only {{ $value | humanizePercentage }} of its time",
            ),
            AlertRule(
                # A run that stands still goes on showing its last figures. After it has moved to other nodes its file
                # may lie on one that it left: the newest one counts.
                alert="TrainingStandsStill", held="5m", severity="page",
                expr='time() - max by (cluster, file) (node_textfile_mtime_seconds{file=~".*/trainyard-.*"}) > 1800',
                summary="{{ $labels.file }} of {{ $labels.cluster }} is half an hour old: its run makes no step",
            ),
        ),
    )  # fmt: skip


SLURM = RuleGroup(
    name="slurm",
    alerts=(
        AlertRule(
            alert="SlurmNodesDown", held="15m", severity="ticket",
            expr="sum by (cluster) (slurm_nodes_down{}) + sum by (cluster) (slurm_nodes_drain{}) "
                 "+ sum by (cluster) (slurm_nodes_fail{}) > 0",
            summary="{{ $value }} nodes of {{ $labels.cluster }} take no work",
        ),
        AlertRule(
            # The file stays as it was while Slurm's commands fail.
            alert="SlurmSilent", expr='time() - node_textfile_mtime_seconds{file=~".*/slurm.prom"} > 180',
            held="2m", severity="page", summary="Slurm of {{ $labels.cluster }} gives no figures",
        ),
        AlertRule(
            alert="WorkWaitsWhileNodesIdle", held="30m", severity="ticket",
            expr="sum by (cluster) (slurm_nodes_idle{}) > 0 and sum by (cluster) (slurm_queue_pending{}) > 0",
            summary="Jobs of {{ $labels.cluster }} wait while {{ $value }} nodes are idle",
        ),
    ),
)  # fmt: skip
KUEUE = RuleGroup(
    name="kueue",
    recording=(
        RecordingRule(
            record="cluster_queue:admission_wait_seconds:p95",
            expr="histogram_quantile(0.95, sum by (cluster, cluster_queue, le) "
                 "(rate(kueue_admission_wait_time_seconds_bucket{}[15m])))",
        ),
    ),
    alerts=(
        AlertRule(
            alert="TeamWaits", expr="cluster_queue:admission_wait_seconds:p95{} > 3600", held="30m", severity="ticket",
            summary="Tasks of {{ $labels.cluster_queue }} wait for more than an hour",
        ),
    ),
)  # fmt: skip
