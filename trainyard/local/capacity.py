"""Instances, as EC2 gives them to SageMaker: at once, until somebody asks for a shortage.

Sources, read 2026-11-22: StatusMessage of SecondaryStatusTransition, SageMaker API reference (what a job says while it
waits); FailureReason of jobs and endpoints as their owners quote them: DIAGNijmegen/rse-grand-challenge#2631,
aws/deep-learning-containers#6673.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from trainyard.local.faults import Faults

WAITING: Final = "Insufficient capacity error from EC2 while launching instances, retrying!"
"""StatusMessage of a training job in Starting."""
JOB_REASON: Final = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
ENDPOINT_REASON: Final = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_POLL_SECONDS = 0.05


class ShortageError(Exception):
    """There were no instances within the time that SageMaker tries for."""


def await_instances(
    faults: Faults,
    instance_types: Iterable[str],
    cancelled: Callable[[], bool],
    waits: Callable[[], object] = lambda: None,
    latest: float = float("inf"),
) -> None:
    """Returns when there are instances, or when nobody wants them any more.

    Args:
        faults: where shortages are.
        instance_types: what is wanted.
        cancelled: whether nobody wants them any more.
        waits: told once, when there are none yet.
        latest: when to give up at the latest, in seconds since 1970.

    Raises:
        ShortageError: They did not come.
    """
    wanted = tuple(instance_types)
    shortage = faults.shortage(wanted)
    if shortage is None:
        return
    waits()
    end = min(time.time() + shortage.delay_seconds, latest)
    while not cancelled():
        if time.time() >= end:
            faults.strike(shortage)
            raise ShortageError(f"no {', '.join(wanted)}")
        time.sleep(_POLL_SECONDS)
        if faults.shortage(wanted) is None:
            return


def await_return(faults: Faults, reclaim: str, seconds: float, cancelled: Callable[[], bool], latest: float) -> None:
    """Returns when the hosts that a reclaim took are there again, or when nobody wants them any more.

    Args:
        faults: where the reclaim is.
        reclaim: its id; somebody may take it back meanwhile.
        seconds: how long they are away.
        cancelled: whether nobody wants them any more.
        latest: when to give up at the latest, in seconds since 1970.
    """
    end = min(time.time() + seconds, latest)
    while time.time() < end and faults.keeps_away(reclaim) and not cancelled():
        time.sleep(_POLL_SECONDS)
    faults.returned(reclaim)
