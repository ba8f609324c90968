"""Rules that Prometheus evaluates: what is computed beforehand, and what somebody is told.

Source: "Rule files", "Rules and alerts", Amazon Managed Service for Prometheus User Guide, read 2026-11-22.
"""

from __future__ import annotations

import json
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.observability.promql import check
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.symptoms import Symptom

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
    symptom: Symptom
    """What it is a sign of: that says who is told, and which runbook to open."""
    summary: str = Field(min_length=1, max_length=300)
    """What happened, with labels as ``{{ $labels.node }}``."""

    def render(self, runbooks: str) -> dict[str, Any]:
        return {
            "alert": self.alert,
            "expr": self.expr,
            "for": self.held,
            "labels": {"severity": self.symptom.severity, "symptom": self.symptom.name},
            "annotations": {"summary": self.summary, "runbook": self.symptom.page(runbooks)},
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

    def render(self, runbooks: str) -> dict[str, Any]:
        rules = [rule.render() for rule in self.recording] + [rule.render(runbooks) for rule in self.alerts]
        return {"name": self.name, "interval": self.every, "rules": rules}


def rule_file(groups: tuple[RuleGroup, ...], *, runbooks: str) -> str:
    """Groups as a rule file: JSON, which is YAML as well.

    Args:
        groups: The groups.
        runbooks: What a runbook's name is put behind, without a slash at its end.
    """
    return json.dumps({"groups": [group.render(runbooks) for group in groups]}, indent=1)
