"""Warm pools: what is kept of a job's instances for the next one that matches.

Instances cost nothing here and start at once. What a pool keeps is what a program can tell: its cache folder, and the
states that DescribeTrainingJob shows. Source: "SageMaker AI Managed Warm Pools", SageMaker Developer Guide, read
2026-11: matching, lifecycle, persistent cache.
"""

import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.store import Document, Store

FOLDER = "warm-pools"
"""Folder of the pools' caches, below the cloud's state."""
CACHE = "/opt/ml/sagemaker/warmpoolcache"
VARIABLE = "SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"
_KIND = "TrainingJob"
_SAME = ("RoleArn", "VpcConfig", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption")
_SAME_RESOURCES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


class WarmPools:
    """The pools of all jobs."""

    def __init__(self, store: Store, state: Path) -> None:
        """Takes where documents and folders are."""
        self._store, self._state = store, state
        self._lock = threading.Lock()

    def reuse(self, name: str) -> None:
        """Moves an available pool that matches to a new job."""
        with self._lock:
            job = self._store.get(_KIND, name)
            assert job
            for other in self._store.list(_KIND):
                if self.look(other).get("WarmPoolStatus", {}).get("Status") == "Available" and _matches(other, job):
                    used = {
                        "Status": "Reused",
                        "ReusedByJob": job["TrainingJobName"],
                        "ResourceRetainedBillableTimeInSeconds": _kept(other, time.time()),
                    }
                    self._store.update(_KIND, other["TrainingJobName"], WarmPoolStatus=used)
                    self._store.update(_KIND, name, _WarmPool=other["_WarmPool"])
                    return

    def look(self, job: Document) -> Document:
        """A job's document as it is now: a pool whose time is over has been terminated."""
        if job.get("WarmPoolStatus", {}).get("Status") == "Available" and job["_WarmUntil"] <= time.time():
            return self.terminate(job)
        return job

    def keep(self, job: Document, seconds: int) -> None:
        """Keeps an available pool so long from the end of its job; 0 ends it.

        Raises:
            ServiceError: the job has no pool that is available.
        """
        status = job.get("WarmPoolStatus", {}).get("Status")
        if status != "Available":
            raise invalid(
                f"ResourceConfig.KeepAlivePeriodInSeconds: got {seconds}, but the warm pool of the job is "
                f"{status or 'not there'}. Only a pool that is Available can be updated."
            )
        begun = job["_WarmUntil"] - job["ResourceConfig"]["KeepAlivePeriodInSeconds"]
        resources = {**job["ResourceConfig"], "KeepAlivePeriodInSeconds": seconds}
        until = begun + seconds if seconds else time.time()
        changed = self._store.update(_KIND, job["TrainingJobName"], ResourceConfig=resources, _WarmUntil=until)
        self.look(changed)

    def terminate(self, job: Document) -> Document:
        """Lets go of a pool."""
        shutil.rmtree(self.folder(job), ignore_errors=True)
        kept = _kept(job, min(time.time(), job["_WarmUntil"]))
        ended = {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": kept}
        return self._store.update(_KIND, job["TrainingJobName"], WarmPoolStatus=ended)

    def folder(self, job: Mapping[str, Any]) -> Path:
        """The pool's caches, one folder a host."""
        return self._state / FOLDER / str(job["_WarmPool"])


def begun(job: Document) -> None:
    """Gives a new job's document its pool, if it asks for one."""
    if job["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
        job["WarmPoolStatus"] = {"Status": "InUse"}
        job.setdefault("_WarmPool", job["TrainingJobName"])


def ended(job: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """What the end of a job changes in its pool: kept unless the platform itself failed before or while it ran.

    Args:
        job: the job's document.
        reason: its FailureReason; empty where it did not fail.
    """
    if "WarmPoolStatus" not in job:
        return {}
    if "TrainingStartTime" not in job or reason.startswith("InternalServerError"):
        return {"WarmPoolStatus": {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 0}}
    until = time.time() + job["ResourceConfig"]["KeepAlivePeriodInSeconds"]
    return {"WarmPoolStatus": {"Status": "Available"}, "_WarmUntil": until}


def _kept(job: Mapping[str, Any], now: float) -> int:
    begun: float = job["_WarmUntil"] - job["ResourceConfig"]["KeepAlivePeriodInSeconds"]
    return max(0, round(now - begun))


def _matches(job: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    alike = all(job.get(field) == other.get(field) for field in _SAME)
    return alike and all(
        job["ResourceConfig"].get(field) == other["ResourceConfig"].get(field) for field in _SAME_RESOURCES
    )
