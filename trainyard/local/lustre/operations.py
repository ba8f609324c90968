"""CreateFileSystem, DescribeFileSystems, UpdateFileSystem, DeleteFileSystem, and tags."""

import copy
import secrets
import time
from typing import Any

from trainyard.local.api.errors import ServiceError, unsupported
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document, Store
from trainyard.local.lustre.rules import check, check_change, refused

KIND = "FileSystem"
_CHANGES = ("DataCompressionType", "MetadataConfiguration", "PerUnitStorageThroughput", "WeeklyMaintenanceStartTime")
_MAINTENANCE = "1:05:00"


def is_mountable(store: Store, mount: str) -> bool:
    """Whether there is a file system to be mounted as ``<DNS name>@tcp:/<mount name>``."""
    return store.find("Mount", mount) is not None


class FileSystems:
    """The family of file systems: they are there as soon as they are made, and hold what was asked for."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._context, self._store = context, context.store

    @operation("CreateFileSystem")
    def create(self, request: Request, _caller: Caller) -> Answer:
        """Makes a file system; a token that was seen before answers with the one it made."""
        token = request.get("ClientRequestToken")
        if token and (found := self._store.find("ClientRequestToken", token)):
            return {"FileSystem": found[2]["FileSystem"]}
        check(request)
        self._check_references(request)
        identity = f"fs-{secrets.token_hex(8)[:17]}0"
        given = {name: value for name, value in request.items() if name not in ("ClientRequestToken", "Tags")}
        given.setdefault("LustreConfiguration", {}).setdefault("WeeklyMaintenanceStartTime", _MAINTENANCE)
        shown = self._describe(identity, given) | {"CreationTime": time.time(), "Tags": request.get("Tags", [])}
        shown["LustreConfiguration"]["MountName"] = secrets.token_hex(4)
        mount = f"{shown['DNSName']}@tcp:/{shown['LustreConfiguration']['MountName']}"
        document = {"Given": given, "ClientRequestToken": token, "FileSystem": shown, "Mount": mount}
        self._store.insert(KIND, identity, document)
        return {"FileSystem": shown}

    def _check_references(self, request: Request) -> None:
        if len(request["SubnetIds"]) != 1:
            raise refused(f"SubnetIds: got {len(request['SubnetIds'])}, but a file system for Lustre stands in one")
        for kind, names, code in (
            ("subnet", request["SubnetIds"], "InvalidNetworkSettings"),
            ("security_group", request.get("SecurityGroupIds", []), "InvalidNetworkSettings"),
            ("key", [request["KmsKeyId"]] if "KmsKeyId" in request else [], "BadRequest"),
        ):
            for name in names:
                if not self._context.platform.exists(kind, name):
                    raise ServiceError(code, f"{kind} {name} does not exist")

    def _describe(self, identity: str, given: Request) -> Document:
        """What does not change after the creation, and what was asked for."""
        lustre = given["LustreConfiguration"]
        region, account = self._context.region, self._context.account
        metadata = lustre.get("MetadataConfiguration")
        return {
            "FileSystemId": identity,
            "ResourceARN": f"arn:aws:fsx:{region}:{account}:file-system/{identity}",
            "DNSName": f"{identity}.fsx.{region}.amazonaws.com",
            "OwnerId": account,
            "Lifecycle": "AVAILABLE",
            "FileSystemType": "LUSTRE",
            "FileSystemTypeVersion": given.get("FileSystemTypeVersion", "2.15" if metadata else "2.12"),
            "StorageType": "SSD",
            "StorageCapacity": given["StorageCapacity"],
            "SubnetIds": given["SubnetIds"],
            **({"KmsKeyId": given["KmsKeyId"]} if "KmsKeyId" in given else {}),
            "LustreConfiguration": {"DataCompressionType": "NONE", "EfaEnabled": False, **lustre},
        }

    @operation("DescribeFileSystems")
    def describe(self, request: Request, _caller: Caller) -> Answer:
        """File systems by their ids, or all."""
        names = request.get("FileSystemIds")
        found = [self._get(name) for name in names] if names else self._store.list(KIND)
        return page([one["FileSystem"] for one in found], request, "FileSystems", identity="FileSystemId", default=100)

    @operation("UpdateFileSystem")
    def update(self, request: Request, _caller: Caller) -> Answer:
        """Grows it, or changes what may change."""
        asked: dict[str, Any] = request.get("LustreConfiguration", {})
        for name in asked:
            if name not in _CHANGES:
                raise unsupported(f"LustreConfiguration.{name}", asked[name], f"It takes {', '.join(_CHANGES)}.")

        def change(document: Document) -> None:
            after = copy.deepcopy(document["Given"])
            after["LustreConfiguration"].update(asked)
            after["StorageCapacity"] = request.get("StorageCapacity", after["StorageCapacity"])
            check_change(document["Given"], after)
            document["Given"] = after
            shown = document["FileSystem"]
            shown["StorageCapacity"] = after["StorageCapacity"]
            shown["LustreConfiguration"].update(asked)

        self._get(request["FileSystemId"])
        return {"FileSystem": self._store.modify(KIND, request["FileSystemId"], change)["FileSystem"]}

    @operation("DeleteFileSystem")
    def delete(self, request: Request, _caller: Caller) -> Answer:
        """Removes it; the folder that a cluster shared goes with the cluster."""
        self._get(request["FileSystemId"])
        self._store.delete(KIND, request["FileSystemId"])
        return {"FileSystemId": request["FileSystemId"], "Lifecycle": "DELETING"}

    @operation("TagResource")
    def tag(self, request: Request, _caller: Caller) -> Answer:
        """Adds tags, or gives those there are new values."""
        return self._retag(request, lambda tags: tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]})

    @operation("UntagResource")
    def untag(self, request: Request, _caller: Caller) -> Answer:
        """Removes tags by key."""
        return self._retag(request, lambda tags: {k: v for k, v in tags.items() if k not in request["TagKeys"]})

    @operation("ListTagsForResource")
    def tags(self, request: Request, _caller: Caller) -> Answer:
        """The tags of a file system."""
        found = self._get(request["ResourceARN"].rpartition("/")[2])["FileSystem"]
        return page(found["Tags"], request, "Tags", identity="Key", default=50)

    def _retag(self, request: Request, changed: Any) -> Answer:
        identity = request["ResourceARN"].rpartition("/")[2]
        self._get(identity)

        def change(document: Document) -> None:
            tags = changed({tag["Key"]: tag["Value"] for tag in document["FileSystem"]["Tags"]})
            document["FileSystem"]["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]

        self._store.modify(KIND, identity, change)
        return {}

    def _get(self, identity: str) -> Document:
        found = self._store.get(KIND, identity)
        if found is None:
            raise ServiceError("FileSystemNotFound", f"File system '{identity}' does not exist.")
        return found
