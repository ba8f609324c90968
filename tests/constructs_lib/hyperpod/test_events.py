"""Patterns and sentences over what a cluster tells: the embedded cloud writes the events, as AWS's guide shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_lib.observability import NodeHealth, Operations, StateChanges, Watched
from trainyard.local.clusters.announcing import Announcer
from trainyard.local.clusters.documents import new_cluster

CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefabcdef"
Event = dict[str, Any]


def told(status: str = "Failed", level: str = "Error") -> dict[str, Event]:
    """One event of each kind."""
    found: dict[str, Event] = {}

    def announce(kind: str, arn: str, detail: Mapping[str, Any]) -> None:
        found[kind] = {"source": "aws.sagemaker", "detail-type": kind, "resources": [arn], "detail": dict(detail)}

    request = {"ClusterName": "research", "NodeProvisioningMode": "Continuous", "InstanceGroups": []}
    cluster = {**new_cluster(request, CLUSTER), "ClusterStatus": status, "FailureMessage": "no capacity"}
    context: Any = SimpleNamespace(announce=announce)
    announcer = Announcer(context, cluster)
    announcer.state(cluster, [])
    announcer.unhealthy({"InstanceId": "i-0"}, "GPU fell off the bus", "Replace")
    event = {"ClusterName": "research", "EventLevel": level, "Description": "no such type", "EventTime": 1.0}
    announcer.event(event)
    return found


def matches(pattern: Any, event: Any) -> bool:
    """EventBridge's rule for texts: each field of a pattern has one of its values, a list has one of them."""
    if isinstance(pattern, dict):
        return isinstance(event, dict) and all(matches(inner, event.get(name)) for name, inner in pattern.items())
    return bool(set(pattern) & set(event)) if isinstance(event, list) else event in pattern


def read(path: str, event: Event) -> str:
    value: Any = event
    for name in path.removeprefix("$.").split("."):
        value = value[name]
    return str(value)


@pytest.mark.parametrize("watched", [StateChanges(), NodeHealth(), Operations()], ids=lambda one: one.name)
def test_a_rule_takes_its_own_kind_of_event_and_no_other(watched: Watched) -> None:
    taken = [kind for kind, event in told().items() if matches(watched.pattern(CLUSTER), event)]
    assert taken == [watched.detail_type]


@pytest.mark.parametrize(
    ("watched", "said"),
    [
        (StateChanges(), "Cluster research is Failed. no capacity"),
        (NodeHealth(), "Node i-0 of research is Unhealthy: GPU fell off the bus Repair: Replace."),
        (Operations(), "Error in research: no such type"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_sentence_says_what_happened(watched: Watched, said: str) -> None:
    event, (fields, sentence) = told()[watched.detail_type], watched.sentence
    for name, path in fields.items():
        sentence = sentence.replace(f"<{name}>", read(path, event))
    assert sentence == said


def test_a_cluster_in_service_is_no_news() -> None:
    event = told(status="InService")[StateChanges().detail_type]
    assert not matches(StateChanges().pattern(CLUSTER), event)


def test_warnings_are_told_where_they_are_asked_for() -> None:
    event = told(level="Warn")[Operations().detail_type]
    assert [matches(one.pattern(CLUSTER), event) for one in (Operations(), Operations(levels=("Warn", "Error")))] == [
        False,
        True,
    ]


def test_another_cluster_is_not_heard() -> None:
    other = CLUSTER[:-1] + "0"
    assert not any(matches(StateChanges().pattern(other), event) for event in told().values())


def test_health_of_every_kind_is_taken_where_it_is_asked_for() -> None:
    assert matches(NodeHealth(statuses=None).pattern(CLUSTER), told()[NodeHealth().detail_type])
