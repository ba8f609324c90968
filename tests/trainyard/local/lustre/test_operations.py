"""The embedded FSx: what it makes, what it refuses, and that it agrees with the constructs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.lustre import Persistent2, Scratch2
from constructs_lib.values import InvalidValue
from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.lustre import build, is_mountable
from trainyard.local.lustre.rules import check

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")
SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
SCRATCH = {"DeploymentType": "SCRATCH_2"}
FAST = {"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 1000, "EfaEnabled": True,
        "MetadataConfiguration": {"Mode": "AUTOMATIC"}}  # fmt: skip


@pytest.fixture
def service(tmp_path: Path) -> Service:
    there = {SUBNET, GROUP}
    platform = SimpleNamespace(exists=lambda _kind, name: name in there)
    context: Any = Context(store=Store(tmp_path / "documents"), platform=platform, state=tmp_path,
                           account=CALLER.account, region=CALLER.region, faults=SimpleNamespace())  # fmt: skip
    made = build(context)
    made.store = context.store
    return made


def request(**fields: Any) -> dict[str, Any]:
    given = {"FileSystemType": "LUSTRE", "StorageCapacity": 1200, "SubnetIds": [SUBNET], "SecurityGroupIds": [GROUP],
             "LustreConfiguration": SCRATCH}  # fmt: skip
    return {**given, **fields}


def create(service: Service, **fields: Any) -> dict[str, Any]:
    return service.call("CreateFileSystem", request(**fields), CALLER)["FileSystem"]


def test_a_file_system_is_there_with_a_name_and_a_mount_name(service: Service) -> None:
    made = create(service, LustreConfiguration=FAST, StorageCapacity=4800, FileSystemTypeVersion="2.15")
    assert (made["Lifecycle"], made["DNSName"]) == ("AVAILABLE", f"{made['FileSystemId']}.fsx.us-east-1.amazonaws.com")
    assert len(made["LustreConfiguration"]["MountName"]) == 8
    found = service.call("DescribeFileSystems", {"FileSystemIds": [made["FileSystemId"]]}, CALLER)["FileSystems"]
    assert found == [made]
    assert made["LustreConfiguration"]["EfaEnabled"] is True


def test_a_cluster_finds_it_by_what_it_mounts(service: Service) -> None:
    made = create(service)
    mount = f"{made['DNSName']}@tcp:/{made['LustreConfiguration']['MountName']}"
    assert is_mountable(service.store, mount)
    assert not is_mountable(service.store, f"{made['DNSName']}@tcp:/fsx")


def test_a_request_that_is_sent_twice_makes_one(service: Service) -> None:
    first, second = (create(service, ClientRequestToken="once") for _ in range(2))
    assert first["FileSystemId"] == second["FileSystemId"]
    assert len(service.call("DescribeFileSystems", {}, CALLER)["FileSystems"]) == 1


def test_it_grows_and_is_removed(service: Service) -> None:
    identity = create(service)["FileSystemId"]
    grown = service.call("UpdateFileSystem", {"FileSystemId": identity, "StorageCapacity": 4800}, CALLER)["FileSystem"]
    assert grown["StorageCapacity"] == 4800
    with pytest.raises(ServiceError, match="capacity can only grow"):
        service.call("UpdateFileSystem", {"FileSystemId": identity, "StorageCapacity": 2400}, CALLER)
    service.call("DeleteFileSystem", {"FileSystemId": identity}, CALLER)
    with pytest.raises(ServiceError, match="FileSystemNotFound"):
        service.call("DescribeFileSystems", {"FileSystemIds": [identity]}, CALLER)


def test_an_efa_enabled_one_keeps_its_throughput(service: Service) -> None:
    identity = create(service, LustreConfiguration=FAST, StorageCapacity=38400)["FileSystemId"]
    change = {"FileSystemId": identity, "LustreConfiguration": {"PerUnitStorageThroughput": 500}}
    with pytest.raises(ServiceError, match="keeps its throughput tier"):
        service.call("UpdateFileSystem", change, CALLER)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"FileSystemType": "ONTAP"}, "does not run this. Take LUSTRE"),
        ({"StorageCapacity": 1300}, "got 1300, but it is 1200, 2400, or a multiple of 2400"),
        ({"LustreConfiguration": {**SCRATCH, "PerUnitStorageThroughput": 250}}, "not supported for SCRATCH_2"),
        ({"LustreConfiguration": {**SCRATCH, "EfaEnabled": True}}, "only supported for PERSISTENT_2"),
        ({"LustreConfiguration": {**SCRATCH, "AutomaticBackupRetentionDays": 7}}, "is a folder of this machine"),
        ({"LustreConfiguration": {**FAST, "PerUnitStorageThroughput": 300}, "StorageCapacity": 4800}, "got 300"),
        ({"LustreConfiguration": {"DeploymentType": "PERSISTENT_1"}}, "Take SCRATCH_2 or PERSISTENT_2"),
        ({"LustreConfiguration": FAST}, "got 1200, but with EFA at 1000 it is a multiple of 4800"),
        ({"LustreConfiguration": {**FAST, "MetadataConfiguration": {"Mode": "USER_PROVISIONED"}}}, "Iops goes with"),
        ({"SubnetIds": ["subnet-0123456789abcdef9"]}, "subnet subnet-0123456789abcdef9 does not exist"),
        ({"SubnetIds": [SUBNET, SUBNET]}, "stands in one"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef9"]}, "security_group sg-0123456789abcdef9 does not exist"),
    ],
)
def test_what_is_refused_leaves_nothing(service: Service, fields: dict, message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        create(service, **fields)
    assert service.call("DescribeFileSystems", {}, CALLER)["FileSystems"] == []


CAPACITIES = st.one_of(st.integers(1200, 60_000), st.integers(1, 40).map(lambda n: 1200 * n))


@given(capacity=CAPACITIES, throughput=st.sampled_from([125, 250, 500, 1000]), efa=st.booleans())
def test_constructs_and_cloud_allow_the_same_sizes(capacity: int, throughput: int, efa: bool) -> None:
    lustre = {"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": throughput, "EfaEnabled": efa,
              "MetadataConfiguration": {"Mode": "AUTOMATIC"}}  # fmt: skip
    for kind, fields, configuration in (
        (Persistent2, {"throughput": throughput, "efa": efa}, lustre), (Scratch2, {}, SCRATCH),
    ):  # fmt: skip
        asked = request(StorageCapacity=capacity, LustreConfiguration=configuration)
        assert allowed(lambda k=kind, f=fields: k(capacity_gib=capacity, **f)) is allowed(lambda a=asked: check(a))


def allowed(attempt: Any) -> bool:
    try:
        attempt()
    except (InvalidValue, ServiceError):
        return False
    return True
