"""File systems for Lustre. Links to S3 are no type here: nothing would be imported or exported."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request, tag_changes, tag_list
from trainyard.local.cloudformation.served_resource import ServedResource

SERVICE = "fsx"
_CHANGING = ("DataCompressionType", "MetadataConfiguration", "PerUnitStorageThroughput", "WeeklyMaintenanceStartTime")
_FIXED = ("DeploymentType", "EfaEnabled")
_DEFAULTS = {"DataCompressionType": "NONE", "WeeklyMaintenanceStartTime": "1:05:00"}


class FileSystem(ServedResource):
    type = "AWS::FSx::FileSystem"
    service_name = SERVICE
    applied: ClassVar[Mapping[str, Any]] = {
        "FileSystemType": ALL,
        "FileSystemTypeVersion": ALL,
        "KmsKeyId": ALL,
        "LustreConfiguration": dict.fromkeys((*_CHANGING, *_FIXED), ALL),
        "SecurityGroupIds": ALL,
        "StorageCapacity": ALL,
        "StorageType": ALL,
        "SubnetIds": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        given = {name: value for name, value in request.properties.items() if name != "Tags"}
        labels = tag_list(request.properties)
        made = self.call("CreateFileSystem", **given, **({"Tags": labels} if labels else {}))
        return str(made["FileSystem"]["FileSystemId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        before, after = (dict(one.get("LustreConfiguration", {})) for one in (old, new))
        for name in _FIXED:
            if before.get(name) != after.get(name):
                raise CallError(
                    f"LustreConfiguration.{name}: it cannot change. Make another file system.", "Unsupported"
                )
        for name in ("FileSystemTypeVersion", "StorageType"):
            if old.get(name) != new.get(name):
                raise CallError(f"{name}: it cannot change. Make another file system.", "Unsupported")
        changed = {
            name: after.get(name, _DEFAULTS.get(name)) for name in _CHANGING if before.get(name) != after.get(name)
        }
        if changed or old.get("StorageCapacity") != new.get("StorageCapacity"):
            lustre = {"LustreConfiguration": changed} if changed else {}
            self.call("UpdateFileSystem", FileSystemId=identity, StorageCapacity=new.get("StorageCapacity"), **lustre)
        add, remove = tag_changes(old, new)
        arn = self._describe(identity)["ResourceARN"]
        if remove:
            self.call("UntagResource", ResourceARN=arn, TagKeys=remove)
        if add:
            self.call("TagResource", ResourceARN=arn, Tags=add)

    def _describe(self, identity: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("DescribeFileSystems", FileSystemIds=[identity])["FileSystems"][0]
        return found

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self._describe(identity)
        return {
            "Id": identity,
            "DNSName": found["DNSName"],
            "LustreMountName": found["LustreConfiguration"]["MountName"],
            "ResourceARN": found["ResourceARN"],
        }

    def remove(self, identity: str, properties: Properties) -> None:
        try:
            self.call("DeleteFileSystem", FileSystemId=identity)
        except CallError as error:
            if error.code != "FileSystemNotFound":
                raise


TYPES = (FileSystem,)
