"""The document of a training job: what DescribeTrainingJob shows, and how it changes."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.api.store import Document, Store
from trainyard.local.jobs import cluster, warm_pools

KIND = "TrainingJob"
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
"""StoppingCondition.MaxRuntimeInSeconds when a request leaves it out (API reference, read 2026-11)."""
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_MESSAGE_CHARACTERS = 1024


def new(request: Mapping[str, Any], arn: str, scarce: Callable[[str], bool]) -> Document:
    """The document of a job that was just created; `scarce` tells of which instance types there are none."""
    now = time.time()
    job = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **request,
        "StoppingCondition": {
            "MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS,
            **request.get("StoppingCondition", {}),
        },
        "OutputDataConfig": {"CompressionType": "GZIP", **request["OutputDataConfig"]},
        "ResourceConfig": cluster.selected(request["ResourceConfig"], scarce),
        "TrainingJobArn": arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [_transition("Starting", "Preparing the instances for training", now)],
        "CreationTime": now,
        "LastModifiedTime": now,
        "_Attempts": 0,
        "_RunSeconds": 0.0,
    }
    warm_pools.begun(job)
    return job


def enter(store: Store, name: str, secondary: str, message: str, **changes: Any) -> Document:
    """Moves a job to a secondary status; a job that is being stopped only moves to its end."""

    def change(document: Document) -> None:
        status = changes.get("TrainingJobStatus", document["TrainingJobStatus"])
        if document["TrainingJobStatus"] in _ENDED:
            return
        if status == "Stopping" and secondary != "Stopping":
            document.update(changes, LastModifiedTime=time.time())
            return
        now = time.time()
        transitions = document["SecondaryStatusTransitions"]
        transitions[-1].setdefault("EndTime", now)
        transitions.append(_transition(secondary, message, now))
        if status in _ENDED:
            transitions[-1]["EndTime"] = now
        document.update(changes, SecondaryStatus=secondary, LastModifiedTime=now)

    return store.modify(KIND, name, change)


def note(store: Store, name: str, text: str) -> None:
    """Adds a remark of the platform to the message of the job's present status."""

    def change(document: Document) -> None:
        transition = document["SecondaryStatusTransitions"][-1]
        transition["StatusMessage"] = f"{transition['StatusMessage']}. {text}"[:_MESSAGE_CHARACTERS]

    store.modify(KIND, name, change)


def end(store: Store, name: str, status: str, secondary: str, message: str, **changes: Any) -> Document:
    """Ends a job, with the times that AWS bills by."""
    document = store.get(KIND, name)
    assert document
    now = time.time()
    seconds = max(1, round(document["_RunSeconds"]))
    times = (
        {"TrainingEndTime": now, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        if "TrainingStartTime" in document
        else {"TrainingEndTime": now}
    )
    pool = warm_pools.ended(document, changes.get("FailureReason", ""))
    return enter(store, name, secondary, message, TrainingJobStatus=status, **times, **pool, **changes)


def _transition(status: str, message: str, now: float) -> Document:
    return {"Status": status, "StartTime": now, "StatusMessage": message}
