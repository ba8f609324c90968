"""Alarms of file systems: full, or no longer what S3 holds.

Sources, read 2026-11-22: "FSx for Lustre metrics and dimensions" (FreeDataStorageCapacity in bytes, a sample of each
disk every minute, so that the sum of one minute is what the file system has left) and "Data repository event logs" (the
log holds failures of imports and exports and nothing else), FSx for Lustre User Guide; AgeOfOldestQueuedMessage with
the dimensions FileSystemId and Publisher, "Supported AWS infrastructure metrics", Amazon CloudWatch User Guide;
IncomingLogEvents of a LogGroupName, "Monitoring with CloudWatch metrics", Amazon CloudWatch Logs User Guide. That the
publishers are AutoImport and AutoExport is in none of these pages: the names are those of figures that people publish.
"""

from __future__ import annotations

from constructs import Construct
from pydantic import Field

from constructs_lib.lustre import LustreFileSystem
from constructs_lib.operation.telling import Figure, Telling
from constructs_lib.values import Value
from ml_contract.symptoms import FILES_FULL, MIRROR_BEHIND, MIRROR_FAILED

NAMESPACE = "AWS/FSx"
_GIB = 2**30


class MirrorAlarms(Value):
    """What is promised of directories that mirror S3."""

    behind_minutes: int = Field(ge=1, le=1440)
    """How long the oldest change may wait to appear on the other side."""
    failures: int = Field(ge=0)
    """Imports and exports that may fail in five minutes."""


class FileAlarms(Value):
    """What is promised of file systems."""

    left_percent: int = Field(ge=1, le=90)
    """Share of the capacity below which people are told. A file system that grows by itself has no such alarm."""
    mirror: MirrorAlarms | None
    """What is promised of links to S3; None where no file system has one."""

    def bind(self, scope: Construct, subject: str, files: LustreFileSystem, telling: Telling) -> None:
        """Make the alarms of one file system.

        Args:
            scope: Parent.
            subject: The file system's name within the environment.
            files: The file system.
            telling: Who is told.
        """
        capacity = files.settings.deployment.capacity
        if capacity is not None:
            left = Figure(namespace=NAMESPACE, name="FreeDataStorageCapacity", dimensions={"FileSystemId": files.id},
                          statistic="Sum", minutes=1)  # fmt: skip
            telling.alarm(scope, FILES_FULL, subject, left, threshold=capacity * _GIB * self.left_percent // 100,
                          comparison="LessThanThreshold")  # fmt: skip
        mirror = files.settings.mirror
        if self.mirror is None or mirror is None or files.log is None:
            return
        for way, publisher in mirror.publishers.items():
            age = Figure(namespace=NAMESPACE, name="AgeOfOldestQueuedMessage", statistic="Average", minutes=5,
                         dimensions={"FileSystemId": files.id, "Publisher": publisher})  # fmt: skip
            telling.alarm(scope, MIRROR_BEHIND, f"{subject}-{way}", age, threshold=self.mirror.behind_minutes * 60)
        failed = Figure(namespace="AWS/Logs", name="IncomingLogEvents", statistic="Sum", minutes=5,
                        dimensions={"LogGroupName": files.log.log_group_name})  # fmt: skip
        telling.alarm(scope, MIRROR_FAILED, subject, failed, threshold=self.mirror.failures)
