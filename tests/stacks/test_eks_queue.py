"""A cluster of an environment whose runs wait in one queue: what does not go together is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hyperpod_values import changed

from constructs_lib.hyperpod.eks.addons import TaskGovernance
from constructs_lib.hyperpod.eks.kueue import QueuePriority, SharedQueue
from constructs_lib.hyperpod.eks.queues import Queued
from constructs_lib.values import InvalidValue
from environments.dev import EKS
from environments.research import EKS as GOVERNED

QUEUE = SharedQueue(namespaces=("default",), preempts=False, priorities=(QueuePriority(name="paper", weight=1),))


def cluster(placement: Queued, **fields: Any) -> Any:
    return changed(EKS, **{"queue": QUEUE, "runs": (changed(EKS.runs[0], placement=placement),), **fields})


def test_a_run_names_the_queue_s_namespace_and_rank() -> None:
    made = cluster(Queued(name="default", priority="paper"))
    assert made.runs[0].placement.namespace == "default"


@pytest.mark.parametrize(
    ("placement", "fields", "words"),
    [
        (Queued(name="elsewhere"), {}, r"runs\.bytes-lm\.placement\.name: got 'elsewhere', .* has default"),
        (Queued(name="default", priority="trial"), {}, r"placement\.priority: got 'trial', .* has paper"),
        (Queued(name="default"), {"queue": None}, "the cluster's queue has none"),
        (Queued(name="default"), {"addons": (*EKS.addons, TaskGovernance())}, "brings Kueue too"),
    ],
)
def test_a_run_that_would_never_start_is_refused(placement: Queued, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        cluster(placement, **fields)


def test_quotas_want_the_add_on_that_keeps_them() -> None:
    kept = tuple(addon for addon in GOVERNED.addons if not isinstance(addon, TaskGovernance))
    with pytest.raises(InvalidValue, match="quotas are kept by the add-on of task governance"):
        changed(GOVERNED, addons=kept)
