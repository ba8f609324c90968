"""The file system as a template, and as the request that it becomes."""

import json
from collections.abc import Callable

import botocore.session
import pytest
from lustre_scenes import MIRROR, ZONES, World, file_system, plain
from synthesis import resources

from constructs_lib.lustre import LustreFileSystem, Persistent2, Scratch2
from trainyard.local.api.shapes import violations


@pytest.mark.parametrize("name", ["Fast", "Plain", "Scratch", "Elastic"])
def test_the_request_is_one_that_fsx_knows(template: dict, name: str) -> None:
    model = botocore.session.get_session().get_service_model("fsx")
    request = plain(file_system(template, name)["Properties"])
    assert list(violations(model.operation_model("CreateFileSystem").input_shape, request)) == []


def test_properties_are_those_of_the_resource_type(template: dict) -> None:
    from importlib.resources import files

    known = json.loads((files("trainyard.local.cloudformation") / "schemas.json").read_text())["types"]
    kind = "AWS::FSx::FileSystem"
    for entry in resources(template, kind).values():
        assert set(known[kind]["required"]) <= set(entry["Properties"]) <= set(known[kind]["properties"])


def test_the_fast_one_stands_with_its_nodes_under_the_key(template: dict) -> None:
    found = file_system(template, "Fast")
    properties, lustre = found["Properties"], found["Properties"]["LustreConfiguration"]
    assert (properties["StorageCapacity"], properties["FileSystemTypeVersion"]) == (4800, "2.15")
    assert (lustre["DeploymentType"], lustre["PerUnitStorageThroughput"]) == ("PERSISTENT_2", 1000)
    assert (lustre["EfaEnabled"], lustre["MetadataConfiguration"]) == (True, {"Mode": "AUTOMATIC"})
    (subnet,) = properties["SubnetIds"]
    assert template["Resources"][subnet["Ref"]]["Properties"]["AvailabilityZone"] == ZONES[0]
    assert "Key" in json.dumps(properties["KmsKeyId"])
    assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_scratch_has_neither_throughput_nor_key(template: dict) -> None:
    properties = file_system(template, "Scratch")["Properties"]
    assert "KmsKeyId" not in properties
    assert set(properties["LustreConfiguration"]) == {
        "DeploymentType", "DataCompressionType", "WeeklyMaintenanceStartTime"
    }  # fmt: skip


def test_daily_copies_have_the_file_systems_tags(template: dict) -> None:
    lustre = file_system(template, "Plain")["Properties"]["LustreConfiguration"]
    assert (lustre["AutomaticBackupRetentionDays"], lustre["DailyAutomaticBackupStartTime"]) == (7, "04:00")
    assert lustre["CopyTagsToBackups"] is True


def test_a_channel_of_jobs_begins_at_the_mount_name_and_opens_nothing_twice(
    world: World, made: dict[str, LustreFileSystem]
) -> None:
    channel = made["Fast"].channel("data", directory="/data")
    assert channel.file_system.security_group is None
    assert world.stack.resolve(channel.directory)["Fn::Join"] == [
        "", ["/", {"Fn::GetAtt": [world.stack.resolve(made["Fast"].id)["Ref"], "LustreMountName"]}, "/data"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (lambda _: {"key": None}, "key: .*are encrypted with a key of the account"),
        (lambda _: {"deployment": Scratch2(capacity_gib=1200)}, "AWS encrypts Scratch2 with keys of its own"),
        (lambda world: {"buckets": world.buckets}, r"the repositories name \[\]"),
        (lambda _: {"mirror": MIRROR}, r"buckets: got \[\].*the repositories name \['data', 'results'\]"),
        (lambda _: {"deployment": Persistent2(capacity_gib=24_000_000, throughput=250, efa=False)},
         r"place: got 'Slurm', but the servers take 1\d+ addresses and 1019 are spare there"),
        (lambda world: {"place": world.network.jobs[0],
                        "deployment": Persistent2(capacity_gib=26_400, throughput=250, efa=False)},
         "place: got 'us-east-1a', but the servers take 12 addresses and 11 are spare there.*others=12"),
    ],
)  # fmt: skip
def test_what_does_not_fit_where_it_is_put(world: World, fields: Callable[[World], dict], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        world.make(f"Wrong{abs(hash(message))}", **fields(world))


def test_servers_may_take_the_last_address(world: World) -> None:
    place = world.network.jobs[0]
    eleven = Persistent2(capacity_gib=24_000, throughput=250, efa=False)
    assert eleven.addresses == place.spare
    assert world.make("Exact", place=place, deployment=eleven)


def test_a_place_of_another_network_is_refused(world: World) -> None:
    place = World().network.clusters["Slurm"]
    with pytest.raises(ValueError, match="no subnet of the network whose nodes mount the file system"):
        world.make("Elsewhere", place=place)


def test_the_logical_id_names_what_never_changes(template: dict) -> None:
    found = [name.rstrip("0123456789ABCDEF") for name in resources(template, "AWS::FSx::FileSystem")]
    assert found == [
        "FastFileSystemPersistentEfa",
        "PlainFileSystemPersistent",
        "ScratchFileSystemScratch",
        "ElasticFileSystemTiering",
    ]
