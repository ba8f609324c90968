"""What lasts: log groups that services made for the stacks' things, backups and snapshots of their file systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainyard.teardown.bills import Tariff
from trainyard.teardown.holders import Holder, Say
from trainyard.teardown.looking import Look
from trainyard.teardown.strays.base import Around, Stray, When

GROUPS = (
    ("AWS::SageMaker::Endpoint", "/aws/sagemaker/Endpoints/{}"),
    ("AWS::SageMaker::Cluster", "/aws/sagemaker/Clusters/{}/"),
    ("AWS::Lambda::Function", "/aws/lambda/{}"),
    ("AWS::EKS::Cluster", "/aws/eks/{}/cluster"),
    ("AWS::RDS::DBInstance", "/aws/rds/instance/{}/"),
)
"""Type → what the names of the groups that its service makes start with. Source: each service's page about its logs,
read 2026-11-22. The groups of jobs (``/aws/sagemaker/TrainingJobs`` and its like) are the account's, one for all
environments: theirs stay."""


def lasting(around: Around, endpoints: tuple[str, ...] = ()) -> Iterator[Stray]:
    """Log groups outside of the stacks, and backups.

    Args:
        around: What is known.
        endpoints: Names of endpoints beside the stacks' own.
    """
    mine = set(around.of("AWS::Logs::LogGroup"))
    starts = [pattern.format(_name(each)) for kind, pattern in GROUPS for each in around.of(kind)]
    starts += [f"/aws/sagemaker/Endpoints/{name}" for name in endpoints]
    # Of things that are gone already: their names began with the environment's.
    starts += [pattern.partition("{}")[0] + around.prefix for _, pattern in GROUPS if around.prefix]
    seen: set[str] = set()
    for start in starts:
        exact = not start.endswith(("/", "-"))
        for each in around.look.all(
            "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=start.removesuffix("/")
        ):
            name = each["logGroupName"]
            same = name == start if exact else name.startswith(start)
            if same and name not in mine | seen:
                seen.add(name)
                yield _group(around.look, name, around.tariff)
    for name in around.of("AWS::FSx::FileSystem"):
        wanted = [{"Name": "file-system-id", "Values": [name]}]
        for each in around.look.all("fsx", "describe_backups", "Backups", Filters=wanted):
            stored = each.get("FileSystem", {}).get("StorageCapacity", 0) * 1e9
            yield Backup(what=f"backup {each['BackupId']}", why=f"of {name}", data=True, when=When.LAST,
                         id=each["BackupId"],
                         bill=around.tariff.stored("fsx/lustre-backup-gb-month", stored))  # fmt: skip
    for name in around.of("AWS::RDS::DBInstance"):
        for each in around.look.all("rds", "describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=name,
                                    SnapshotType="manual"):  # fmt: skip
            stored = each.get("AllocatedStorage", 0) * 1e9
            yield Snapshot(what=f"snapshot {each['DBSnapshotIdentifier']}", why=f"of {name}", data=True, when=When.LAST,
                           id=each["DBSnapshotIdentifier"],
                           bill=around.tariff.stored("rds/backup-gb-month", stored))  # fmt: skip


def _name(physical: str) -> str:
    return physical.rpartition("/")[2]


def _group(look: Look, name: str, tariff: Tariff) -> Stray:
    found = Holder.registered["AWS::Logs::LogGroup"].look(look, name, tariff)
    says, data = (found.says, found.data) if found else ("empty", False)
    return Group(what=f"log group {name}", why=f"made by its service, outside of the stacks ({says})", name=name,
                 bill=found.bill if found else tariff.stored("", 0), when=When.LAST, record=data)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Group(Stray):
    """A log group."""

    name: str

    def remove(self, look: Look, say: Say) -> None:
        Holder.registered["AWS::Logs::LogGroup"].delete(look, self.name, say)


@dataclass(frozen=True, kw_only=True)
class Backup(Stray):
    """Of a file system."""

    id: str

    def remove(self, look: Look, say: Say) -> None:
        look.unless(("BackupNotFound",), lambda: look.client("fsx").delete_backup(BackupId=self.id))


@dataclass(frozen=True, kw_only=True)
class Snapshot(Stray):
    """Of a database."""

    id: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("rds")
        gone = ("DBSnapshotNotFound", "DBSnapshotNotFoundFault")
        look.unless(gone, lambda: client.delete_db_snapshot(DBSnapshotIdentifier=self.id))
