"""Faults on request: what a cloud does to a job sooner or later, when somebody asks for it."""

import fnmatch
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainyard.local.api.errors import invalid
from trainyard.local.api.operations import Answer, Caller, Request, operation
from trainyard.local.api.store import Store
from trainyard.local.faults_model import FIELDS_OF_KIND

Kind = Literal[
    "SpotReclaim", "HostLoss", "S3Error", "DiskFull", "CapacityShortage", "NodeLoss", "NodeHealth",
    "DeepHealthCheckFailure",
]  # fmt: skip
_KIND = "Fault"
_NODE_KINDS = ("NodeLoss", "NodeHealth", "DeepHealthCheckFailure")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault that somebody asked for."""

    id: str
    """Names it in ListFaults and ClearFaults."""
    kind: Kind
    """SpotReclaim (SIGTERM, grace, SIGKILL on every host), HostLoss (SIGKILL on one), DiskFull, S3Error,
    CapacityShortage (no instances of a type); of a cluster's node NodeLoss (power), NodeHealth (found faulty while it
    runs), DeepHealthCheckFailure (at its next check)."""
    created: float
    """When it was asked for, in seconds since 1970."""
    training_job: str = "*"
    """The job's name; `*` and `?` match as in a shell, so a job that a pipeline will name can be hit."""
    after_seconds: float = 0.0
    """Wait this long after the job's hosts run (or after the request, whichever is later), in seconds."""
    log_pattern: str = ""
    """Wait for a line of the job's log that this regular expression is found in. Empty: do not wait."""
    host: int = 1
    """Number of the host that is lost, from 1."""
    restart_after_seconds: float = 0.0
    """Time until there is capacity again, in seconds; of a shortage, 0 when that is not known."""
    size_in_bytes: int = 0
    """Room that a host's /opt/ml gets, in bytes."""
    bucket: str = "*"
    """Bucket whose requests fail; a shell pattern."""
    key: str = "*"
    """Key whose requests fail; a shell pattern."""
    operation: str = "*"
    """Operation of the S3 API that fails, as `PutObject`; a shell pattern."""
    error_code: str = "InternalError"
    """Error code of the answer."""
    status_code: int = 500
    """HTTP status of the answer."""
    delay_seconds: float = 0.0
    """Time before the answer, in seconds: longer than the client waits, it is a time-out. Of a shortage, how long
    SageMaker tries before it gives up."""
    instance_type: str = "*"
    """Type of which there are no instances; a shell pattern."""
    cluster_name: str = "*"
    """Name of the cluster; a shell pattern."""
    node: str = "*"
    """The node's instance id, logical id, address or group; a shell pattern."""
    reason: str = ""
    """What is said to be wrong with it."""
    skip: int = 0
    """Matching requests that still pass."""
    count: int = 1
    """How often the fault strikes."""

    def answer(self) -> dict[str, Any]:
        """The fault as ListFaults shows it."""
        return {
            "FaultId": self.id,
            "Kind": self.kind,
            "CreationTime": self.created,
            "Remaining": self.count,
            **self._target(),
        }

    def _target(self) -> dict[str, str]:
        """What it strikes."""
        if self.kind == "S3Error":
            return {"Bucket": self.bucket, "Key": self.key, "Operation": self.operation}
        if self.kind == "CapacityShortage":
            return {"InstanceType": self.instance_type}
        if self.kind in _NODE_KINDS:
            named = {"ClusterName": self.cluster_name, "Node": self.node}
            return {**named, "Reason": self.reason} if self.reason else named
        return {"TrainingJobName": self.training_job}


class Faults:
    """The faults that somebody asked for and that have not struck yet; they outlive a restart of the cloud."""

    def __init__(self, store: Store | None = None) -> None:
        """Loads what `store` still holds; without a store nothing is kept."""
        self._store = store
        self._lock = threading.RLock()
        self._faults = {row["id"]: Fault(**row) for row in store.list(_KIND)} if store else {}
        self._watchers: dict[str, Callable[[Fault], None]] = {}

    def inject(self, fault: Fault) -> None:
        """Adds a fault and tells the running jobs that it concerns."""
        with self._lock:
            self._faults[fault.id] = fault
            if self._store:
                self._store.insert(_KIND, fault.id, vars(fault))
            watchers = [tell for job, tell in self._watchers.items() if self._concerns(fault, job)]
        for tell in watchers:
            tell(fault)

    def watch(self, job: str, tell: Callable[[Fault], None]) -> list[Fault]:
        """Names a running job: `tell` is called for each further fault that concerns it; returns those there are."""
        with self._lock:
            self._watchers[job] = tell
            return [fault for fault in self._faults.values() if self._concerns(fault, job)]

    def unwatch(self, job: str) -> None:
        """Ends `watch`."""
        with self._lock:
            self._watchers.pop(job, None)

    def strike(self, fault: Fault) -> bool:
        """Uses a fault once; False when another job was quicker or somebody took it back."""
        with self._lock:
            current = self._faults.get(fault.id)
            if current is None:
                return False
            self._keep(current, count=current.count - 1)
            return True

    def disk_limit(self, job: str) -> int | None:
        """Uses a DiskFull fault that concerns `job`: the room of each host's /opt/ml in bytes, or None."""
        with self._lock:
            fault = next(
                (f for f in self._faults.values() if f.kind == "DiskFull" and self._names(f.training_job, job)), None
            )
            return fault.size_in_bytes if fault and self.strike(fault) else None

    def shortage(self, instance_types: Sequence[str]) -> Fault | None:
        """A CapacityShortage of one of these types that lasts, or None; it is not used by this."""
        with self._lock:
            for fault in list(self._faults.values()):
                if fault.kind != "CapacityShortage":
                    continue
                if fault.restart_after_seconds and time.time() >= fault.created + fault.restart_after_seconds:
                    self._keep(fault, count=0)
                elif any(self._names(fault.instance_type, name) for name in instance_types):
                    return fault
        return None

    def match_s3(self, bucket: str, key: str, operation: str) -> Fault | None:
        """Uses an S3Error fault that concerns a request: the error to answer it with, or None.

        Args:
            bucket: the request's bucket.
            key: the request's key; empty for requests on the bucket.
            operation: name in the S3 API, as `PutObject`.
        """
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if (
                    fault.kind == "S3Error"
                    and self._names(fault.bucket, bucket)
                    and self._names(fault.key, key)
                    and self._names(fault.operation, operation)
                ):
                    if fault.skip:
                        self._keep(fault, skip=fault.skip - 1)
                        return None
                    self._keep(fault, count=fault.count - 1)
                    return fault
        return None

    def match_node(self, kind: str, cluster: str, names: Sequence[str]) -> Fault | None:
        """Uses a fault of that kind that concerns a cluster's node and is due, or None.

        Args:
            kind: NodeLoss, NodeHealth or DeepHealthCheckFailure.
            cluster: the cluster's name.
            names: what a fault may call the node.
        """
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if (
                    fault.kind == kind
                    and self._names(fault.cluster_name, cluster)
                    and any(self._names(fault.node, name) for name in names)
                    and time.time() >= fault.created + fault.after_seconds
                ):
                    self._keep(fault, count=fault.count - 1)
                    return fault
        return None

    @operation("InjectFault")
    def _inject(self, request: Request, _caller: Caller) -> Answer:
        fault = _fault(request)
        self.inject(fault)
        return {"FaultId": fault.id}

    @operation("ListFaults")
    def _list(self, _request: Request, _caller: Caller) -> Answer:
        with self._lock:
            return {"Faults": [fault.answer() for fault in self._faults.values()]}

    @operation("ClearFaults")
    def _clear(self, request: Request, _caller: Caller) -> Answer:
        with self._lock:
            ids = [request["FaultId"]] if "FaultId" in request else list(self._faults)
            cleared = [fault for fault in ids if self._faults.pop(fault, None)]
            for fault in cleared:
                if self._store:
                    self._store.delete(_KIND, fault)
        return {"FaultIds": cleared}

    def _keep(self, fault: Fault, **changes: int) -> None:
        kept = Fault(**(vars(fault) | changes))
        if kept.count > 0:
            self._faults[fault.id] = kept
        else:
            del self._faults[fault.id]
        if self._store:
            if kept.count > 0:
                self._store.update(_KIND, fault.id, **changes)
            else:
                self._store.delete(_KIND, fault.id)

    @staticmethod
    def _names(pattern: str, name: str) -> bool:
        return fnmatch.fnmatchcase(name, pattern)

    def _concerns(self, fault: Fault, job: str) -> bool:
        return fault.kind in ("SpotReclaim", "HostLoss") and self._names(fault.training_job, job)


def _fault(request: Request) -> Fault:
    kind = request["Kind"]
    required, optional = FIELDS_OF_KIND[kind]
    for field in sorted(required - set(request)):
        raise invalid(f"{field}: got nothing, but a fault of kind {kind} needs it. Give {field}.")
    for field in sorted(set(request) - required - optional - {"Kind"}):
        takes = ", ".join(sorted(required | optional))
        raise invalid(
            f"{field}: got {request[field]!r}, but a fault of kind {kind} does not take it. It takes {takes}."
        )
    try:
        re.compile(request.get("LogPattern", ""))
    except re.error as error:
        raise invalid(
            f"LogPattern: got {request['LogPattern']!r}, but that is no regular expression ({error}). Correct it."
        ) from error
    names = {"TrainingJobName": "training_job"}
    given = {names.get(field, _snake(field)): value for field, value in request.items()}
    return Fault(id=f"fault-{uuid.uuid4().hex[:12]}", created=time.time(), **given)


def _snake(field: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower()
