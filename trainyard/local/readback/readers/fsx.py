"""Reader of file systems."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, tags

_LUSTRE = ("DataCompressionType", "DeploymentType", "EfaEnabled", "MetadataConfiguration", "PerUnitStorageThroughput",
           "WeeklyMaintenanceStartTime")  # fmt: skip
_NAMES = ("FileSystemType", "FileSystemTypeVersion", "KmsKeyId", "StorageCapacity", "StorageType", "SubnetIds")


def _found(deployed: Deployed) -> dict[str, Any]:
    answer = deployed.call("fsx", "describe_file_systems", FileSystemIds=[deployed.physical_id])
    found: dict[str, Any] = answer["FileSystems"][0]
    return found


def _file_system(deployed: Deployed) -> dict[str, Any]:
    found = _found(deployed)
    lustre, given = found["LustreConfiguration"], deployed.properties.get("LustreConfiguration", {})
    # FSx shows every setting; those that the template leaves to FSx have no value to hold to.
    shown = {name: lustre[name] for name in _LUSTRE if name in lustre and name in given}
    return {**{name: found[name] for name in _NAMES if name in found}, "LustreConfiguration": shown,
            "Tags": tags(found.get("Tags"))}  # fmt: skip


def _attribute(deployed: Deployed, name: str) -> Any:
    found = _found(deployed)
    return {"Id": found["FileSystemId"], "LustreMountName": found["LustreConfiguration"]["MountName"]}.get(
        name, found.get(name)
    )


READERS = {
    "AWS::FSx::FileSystem": Reader(
        read=_file_system,
        attribute=_attribute,
        defaults={"StorageType": "SSD"},
        chosen=frozenset({"FileSystemTypeVersion", "KmsKeyId"}),
        unread={"SecurityGroupIds": "DescribeFileSystems does not return the groups of a file system"},
    ),
}
