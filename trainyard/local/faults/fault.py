"""One fault: what each kind of it takes, what it strikes, and how it is asked for."""

import fnmatch
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainyard.local.api.errors import invalid
from trainyard.local.api.operations import Request

Kind = Literal[
    "SpotReclaim", "HostLoss", "S3Error", "DiskFull", "CapacityShortage", "NodeLoss", "NodeHealth",
    "DeepHealthCheckFailure",
]  # fmt: skip
_JOB_KINDS = ("SpotReclaim", "HostLoss")
_NODE_KINDS = ("NodeLoss", "NodeHealth", "DeepHealthCheckFailure")

FIELDS_OF_KIND: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "SpotReclaim": (
        frozenset({"TrainingJobName"}),
        frozenset({"AfterSeconds", "LogPattern", "RestartAfterSeconds", "Count"}),
    ),
    "HostLoss": (frozenset({"TrainingJobName"}), frozenset({"AfterSeconds", "LogPattern", "Host", "Count"})),
    "DiskFull": (frozenset({"TrainingJobName", "SizeInBytes"}), frozenset({"Count"})),
    "S3Error": (
        frozenset({"Bucket"}),
        frozenset({"Key", "Operation", "ErrorCode", "StatusCode", "DelaySeconds", "Skip", "Count"}),
    ),
    "CapacityShortage": (frozenset({"InstanceType"}), frozenset({"DelaySeconds", "RestartAfterSeconds", "Count"})),
    **dict.fromkeys(
        _NODE_KINDS,
        (frozenset({"ClusterName", "Node"}), frozenset({"AfterSeconds", "Reason", "Count"})),
    ),
}
"""What each kind takes beside Kind: the fields it needs, the fields it may have."""


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
    """Time until there is capacity again, in seconds, or until the fault is cleared; of a shortage, 0 when that is not
    known."""
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

    @property
    def ends_hosts(self) -> bool:
        """Whether it strikes the hosts of running jobs."""
        return self.kind in _JOB_KINDS

    def ends_hosts_of(self, job: str) -> bool:
        """Whether it strikes the hosts of a running job."""
        return self.ends_hosts and _matches(self.training_job, job)

    def fills_disks_of(self, job: str) -> bool:
        """Whether it leaves the hosts of a job little room."""
        return self.kind == "DiskFull" and _matches(self.training_job, job)

    def takes_instances(self, types: Sequence[str]) -> bool:
        """Whether there are no instances of one of these types."""
        return self.kind == "CapacityShortage" and any(_matches(self.instance_type, name) for name in types)

    def strikes_request(self, bucket: str, key: str, operation: str) -> bool:
        """Whether a request to S3 is answered with it."""
        return (
            self.kind == "S3Error"
            and _matches(self.bucket, bucket)
            and _matches(self.key, key)
            and _matches(self.operation, operation)
        )

    def strikes_node(self, kind: str, cluster: str, names: Sequence[str]) -> bool:
        """Whether it is of that kind, strikes a cluster's node, and is due."""
        return (
            self.kind == kind
            and _matches(self.cluster_name, cluster)
            and any(_matches(self.node, name) for name in names)
            and time.time() >= self.created + self.after_seconds
        )


def asked_for(request: Request) -> Fault:
    """The fault that a request of InjectFault asks for.

    Raises:
        ServiceError: a field that its kind needs is not there, or it has one that its kind does not take.
    """
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


def _matches(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)
