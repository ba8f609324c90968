"""Machines that are nothing, and a cloud around them that has what a cluster asks for."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.clusters.machines import MachineError, Overtime, Slot
from trainyard.local.clusters.operations import Clusters
from trainyard.local.clusters.plan_operations import TrainingPlans
from trainyard.local.faults import Faults
from trainyard.local.faults.model import FAULTS_MODEL
from trainyard.local.faults.operations import FaultOperations
from trainyard.local.pipelines.kinds import service_model

ROOT = "arn:aws:iam::123456789012:root"
ROLE = "arn:aws:iam::123456789012:role/nodes"
URI = "s3://sagemaker-scripts/lifecycle"
CONTINUOUS = {"NodeProvisioningMode": "Continuous"}
SLURM = {"Orchestrator": {"Slurm": {}}}
SLURM_CONTINUOUS: dict[str, Any] = {**SLURM, **CONTINUOUS}
WEDNESDAY = datetime(2026, 11, 25, 2, 58, tzinfo=UTC).timestamp()
"""What the cloud's clock says until a test sets it."""
SCRIPTS = {"lifecycle/on_create.sh": b"true"}


def group(name: str = "workers", count: int = 2, **fields: Any) -> dict[str, Any]:
    return {
        "InstanceGroupName": name,
        "InstanceCount": count,
        "InstanceType": "ml.c5.xlarge",
        "ExecutionRole": ROLE,
        "LifeCycleConfig": {"SourceS3Uri": URI, "OnCreate": "on_create.sh"},
        **fields,
    }


def slurm(name: str, node_type: str, count: int, **fields: Any) -> dict[str, Any]:
    return group(name, count, SlurmConfig={"NodeType": node_type}, **fields)


class StandIn:
    """A machine without anything in it."""

    def __init__(self, site: Place, slot: Slot) -> None:
        self._site, self.slot = site, slot
        self.alive = True
        self.files: dict[str, bytes] = {}
        self._dead = threading.Event()

    def put(self, files: Mapping[str, bytes]) -> None:
        self.files.update(files)

    def place(self, folder: Path, path: str) -> None:
        self.files |= {
            f"{path}/{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }

    def run(self, command: Sequence[str], seconds: float, line: Callable[[str], None]) -> int:
        self._site.ran.append((self.slot.group, self.slot.instance_id, command[-1]))
        outcome = self._site.outcome(self.slot)
        line(f"lifecycle: {outcome}")
        if outcome == "hang":
            if self._dead.wait(seconds):
                return 137
            raise Overtime(f"no end within {seconds} s")
        return int(outcome)

    def kill(self) -> None:
        self.alive = False
        self._dead.set()


class Place:
    """A site of stand-ins: scripts end as `outcomes` says, by group; what is done to it is written down."""

    def __init__(self) -> None:
        self.machines: list[StandIn] = []
        self.ran: list[tuple[str, str, str]] = []
        self.outcomes: dict[str, list[str]] = {}
        self.configured: list[list[Slot]] = []
        self.gone: list[str] = []
        self.kept: list[bool] = []
        self.by_hand: list[str] = []
        self.held: list[tuple[str, str]] = []
        self.occupied: set[str] = set()
        self.full = ""
        self._lock = threading.Lock()

    def outcome(self, slot: Slot) -> str:
        with self._lock:
            coming = self.outcomes.get(slot.group)
            return coming.pop(0) if coming else "0"

    def boot(self, slot: Slot, *, fresh: bool) -> StandIn:
        if self.full:
            raise MachineError(self.full)
        machine = StandIn(self, slot)
        self.machines.append(machine)
        return machine

    def configure(self, slots: Sequence[Slot], *, keep: bool) -> None:
        self.configured.append(list(slots))
        self.kept.append(keep)

    def changed(self) -> list[str]:
        return self.by_hand

    def isolate(self, slot: Slot) -> None:
        self.held.append(("isolate", slot.instance_id))

    def release(self, slot: Slot) -> None:
        self.held.append(("release", slot.instance_id))

    def cordon(self, slot: Slot) -> None:
        self.held.append(("cordon", slot.instance_id))

    def uncordon(self, slot: Slot) -> None:
        self.held.append(("uncordon", slot.instance_id))

    def busy(self, slot: Slot) -> bool:
        return slot.instance_id in self.occupied

    def lost(self, slot: Slot, reason: str) -> None:
        self.gone.append(slot.instance_id)

    def execute(self, slot: Slot, command: Sequence[str], seconds: float) -> tuple[int, str]:
        return 0, " ".join(command)

    def close(self) -> None:
        for machine in self.machines:
            machine.kill()

    def alive(self) -> list[StandIn]:
        return [machine for machine in self.machines if machine.alive]


class Cloud:
    """Calls the family as a client does."""

    def __init__(self, folder: Path, minute_seconds: float = 10.0) -> None:
        self.folder, self.minute_seconds = folder, minute_seconds
        self.store = Store(folder / "documents.sqlite")
        self.missing: set[str] = set()
        self.objects = dict(SCRIPTS)
        self.alarm = "OK"
        self.denied = False
        self.time = WEDNESDAY
        self.siteless = ""
        self.place = Place()
        self.heard: list[tuple[str, str, Any]] = []
        self.written: dict[str, list[str]] = {}
        self.begin()

    def begin(self) -> None:
        """Starts the family, as a cloud that comes up does."""
        self.faults = Faults(self.store)
        platform = SimpleNamespace(
            exists=lambda kind, name: name not in self.missing,
            role_client=lambda service, role, session: getattr(self, f"_{service}")(),
        )
        self.context = context = Context(
            store=self.store, platform=platform, state=self.folder, account="123456789012", region="us-east-1",
            announce=lambda *event: self.heard.append(event), faults=self.faults, minute_seconds=self.minute_seconds,
            now=lambda: self.time,
        )  # fmt: skip
        self.family = Clusters(context, self._site)
        self.service = Service(service_model(), self.family, TrainingPlans(context))
        self.service.start()

    def _site(self, _cluster: Any) -> Place:
        if self.siteless:
            raise MachineError(self.siteless)
        return self.place

    def end(self) -> None:
        self.service.stop()

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.service.call(operation, request, Caller(account="123456789012", region="us-east-1", arn=ROOT))

    def refused(self, operation: str, **request: Any) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            self.call(operation, ClusterName="c", **request)
        return caught.value

    def events(self, **wanted: str) -> list[str]:
        asked = {"ClusterName": "c", "SortOrder": "Ascending", "MaxResults": 100, **wanted}
        return [row["Description"] for row in self.call("ListClusterEvents", **asked)["Events"]]

    def fault(self, kind: str, node: str, **fields: Any) -> None:
        request = {"Kind": kind, "ClusterName": "c", "Node": node, **fields}
        caller = Caller(account="123456789012", region="us-east-1", arn=ROOT)
        Service(FAULTS_MODEL, FaultOperations(self.faults)).call("InjectFault", request, caller)

    def create(self, *groups: dict[str, Any], wait: str = "InService", **fields: Any) -> dict[str, Any]:
        self.call("CreateCluster", ClusterName="c", InstanceGroups=list(groups) or [group()], **fields)
        return self.settled(wait) if wait else self.describe()

    def describe(self) -> dict[str, Any]:
        return self.call("DescribeCluster", ClusterName="c")

    def settled(self, status: str, seconds: float = 60.0) -> dict[str, Any]:
        self.until(lambda: self.describe()["ClusterStatus"] == status, seconds)
        return self.describe()

    def nodes(self) -> list[dict[str, Any]]:
        return list(self.call("ListClusterNodes", ClusterName="c")["ClusterNodeSummaries"])

    def statuses(self) -> list[str]:
        return [node["InstanceStatus"]["Status"] for node in self.nodes()]

    def ids(self) -> list[str]:
        return [node["InstanceId"] for node in self.nodes()]

    def until(self, reached: Callable[[], bool], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, f"not within {seconds} s: {self._state()}"
            time.sleep(0.02)

    def _state(self) -> Any:
        try:
            return self.describe(), self.nodes()
        except Exception as error:
            return error

    def _s3(self) -> Any:
        def pages(Bucket: str, Prefix: str) -> list[dict[str, Any]]:
            if self.denied:
                from botocore.exceptions import ClientError

                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")
            return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}]

        def get(Bucket: str, Key: str) -> dict[str, Any]:
            body = io.BytesIO(self.objects[Key])
            return {"Body": SimpleNamespace(iter_chunks=lambda _: iter(body.read, b""))}

        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=pages), get_object=get)

    def _logs(self) -> Any:
        def put(logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:
            self.written.setdefault(logStreamName, []).extend(event["message"] for event in logEvents)

        nothing = SimpleNamespace(ResourceAlreadyExistsException=KeyError)
        return SimpleNamespace(
            create_log_group=lambda **_: None,
            create_log_stream=lambda **_: None,
            put_log_events=put,
            exceptions=nothing,
        )

    def _cloudwatch(self) -> Any:
        def alarms(AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:
            return {"MetricAlarms": [{"AlarmName": name, "StateValue": self.alarm} for name in AlarmNames]}

        return SimpleNamespace(describe_alarms=alarms)
