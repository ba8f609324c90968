"""How an alarm of the platform is made: named after its symptom, told to the topic of its severity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from constructs_lib.operation.event_log import EventLog
from constructs_lib.operation.notifications import Notifications
from ml_contract.symptoms import Symptom

Statistic = Literal["Average", "Maximum", "Sum"]
Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric as an alarm looks at it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: Statistic
    minutes: int
    """Length of one period."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What the alarms of one environment have in common."""

    environment: str
    """Its short name."""
    notifications: Notifications
    events: EventLog
    runbooks: str
    """What a runbook's name is put behind, without a slash at its end."""

    def description(self, symptom: Symptom) -> str:
        """What whoever is told reads first."""
        return f"{symptom.meaning} Runbook: {self.runbooks}/{symptom.runbook}.md"

    def actions(self, symptom: Symptom) -> list[str]:
        """Who is told: when it begins, and when it is over."""
        return [self.notifications.topic(symptom.severity).topic_arn]

    def alarm(
        self,
        scope: Construct,
        symptom: Symptom,
        subject: str,
        figure: Figure,
        *,
        threshold: float,
        comparison: Comparison = "GreaterThanThreshold",
    ) -> cloudwatch.CfnAlarm:
        """Make an alarm of one period.

        Args:
            scope: Parent; the alarm's id is its name without the environment.
            symptom: What it is about.
            subject: Pipeline, endpoint, cluster or file system, by its name within the environment; empty for all
                of it.
            figure: What is looked at. Where it has no data nothing runs, and nothing is wrong.
            threshold: In the figure's unit.
            comparison: When it is raised.
        """
        told = self.actions(symptom)
        return cloudwatch.CfnAlarm(
            scope,
            "-".join(part for part in (subject, symptom.name) if part),
            alarm_name=symptom.alarm(self.environment, subject),
            alarm_description=self.description(symptom),
            namespace=figure.namespace,
            metric_name=figure.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in figure.dimensions.items()
            ],
            statistic=figure.statistic,
            period=figure.minutes * 60,
            evaluation_periods=1,
            threshold=threshold,
            comparison_operator=comparison,
            treat_missing_data="notBreaching",
            alarm_actions=told,
            ok_actions=told,
        )

    def count(
        self,
        scope: Construct,
        symptom: Symptom,
        subject: str,
        pattern: Mapping[str, Any],
        *,
        minutes: int,
        events: int = 1,
    ) -> cloudwatch.CfnAlarm:
        """Make an alarm on the number of events, which the log keeps.

        Args:
            scope: Parent.
            symptom: What it is about.
            subject: As for :meth:`alarm`.
            pattern: Pattern of EventBridge.
            minutes: Time in which events are counted; so long the alarm stays after the last.
            events: From so many on it is raised.
        """
        name = symptom.alarm(self.environment, subject)
        rule = self.events.rule(name, name=name, pattern=pattern, description=symptom.meaning)
        # Source: "Monitoring Amazon EventBridge", EventBridge User Guide, read 2026-11-22.
        figure = Figure(namespace="AWS/Events", name="MatchedEvents", dimensions={"RuleName": rule.ref},
                        statistic="Sum", minutes=minutes)  # fmt: skip
        return self.alarm(scope, symptom, subject, figure, threshold=events,
                          comparison="GreaterThanOrEqualToThreshold")  # fmt: skip
