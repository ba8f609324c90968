"""File systems of FSx for Lustre."""

from __future__ import annotations

import time
from typing import Any

from trainyard.teardown.bills import Bill, Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, plain_name
from trainyard.teardown.looking import Look

_GONE = ("FileSystemNotFound",)
_POLL_SECONDS = 15.0


class FileSystem(Holder):
    """Files. What associations mirror is exported to its bucket before the file system goes; the rest is lost."""

    type = "AWS::FSx::FileSystem"
    noun = "file system"
    in_network = True

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:fsx:{region}:{account}:file-system/{identity}"

    def identity(self, arn: str) -> str | None:
        return plain_name("fsx", arn, "file-system/")

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("fsx")
        found = look.unless(_GONE, lambda: client.describe_file_systems(FileSystemIds=[identity]))
        if found is None or found["FileSystems"][0]["Lifecycle"] == "DELETING":
            return None
        described = found["FileSystems"][0]
        mirrored = [each.get("FileSystemPath") or "/" for each in _associations(look, identity)]
        says = f"{described['StorageCapacity']:,} GiB"
        if mirrored:
            says += f"; {', '.join(mirrored)} is exported to its bucket first, the rest is lost"
        return Contents(says=says, data=True, bill=_bill(described, tariff), key=described.get("KmsKeyId"))

    def prepare(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("fsx")
        paths = [each.get("FileSystemPath", "/").lstrip("/") for each in _associations(look, identity)]
        if not paths:
            return
        task = client.create_data_repository_task(
            FileSystemId=identity, Type="EXPORT_TO_REPOSITORY", Paths=paths, Report={"Enabled": False}
        )["DataRepositoryTask"]["TaskId"]  # fmt: skip
        while True:
            found = client.describe_data_repository_tasks(TaskIds=[task])["DataRepositoryTasks"][0]
            state, done = found["Lifecycle"], found.get("Status", {})
            say(f"{identity}: export {state.lower()}, {done.get('SucceededCount', 0):,} files")
            if state == "SUCCEEDED" and not done.get("FailedCount"):
                return
            if state in ("SUCCEEDED", "FAILED", "CANCELED"):
                how = f"has {state.lower()}, {done.get('FailedCount', 0)} files failed"
                raise ExportError(f"{identity}: the export {task} {how}: nothing of the file system was deleted")
            time.sleep(_POLL_SECONDS)

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """The deletion takes along what is in it."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("fsx")
        try:
            client.delete_file_system(FileSystemId=identity)
        except client.exceptions.FileSystemNotFound:
            return
        while look.unless(_GONE, lambda: client.describe_file_systems(FileSystemIds=[identity])) is not None:
            say(f"{identity}: being deleted")
            time.sleep(_POLL_SECONDS if look.connection.cloud is None else 0.2)


class ExportError(RuntimeError):
    """What would have been lost is still there."""


def _associations(look: Look, identity: str) -> list[Any]:
    """Links to buckets that still work."""
    wanted = [{"Name": "file-system-id", "Values": [identity]}]
    found = look.all("fsx", "describe_data_repository_associations", "Associations", Filters=wanted)
    return [each for each in found if each.get("Lifecycle") in ("AVAILABLE", "MISCONFIGURED", "UPDATING")]


def _bill(described: Any, tariff: Tariff) -> Bill:
    lustre = described.get("LustreConfiguration", {})
    kind = lustre.get("DeploymentType", "")
    if kind.startswith("PERSISTENT"):
        item = f"fsx/lustre-{kind.lower()}-ssd-{lustre.get('PerUnitStorageThroughput')}-gb-month"
    else:
        item = "fsx/lustre-scratch-gb-month"
    return tariff.stored(item, described["StorageCapacity"] * 1e9)
