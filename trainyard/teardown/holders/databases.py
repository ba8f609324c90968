"""Databases, tables, and their passwords."""

from __future__ import annotations

from trainyard.teardown.bills import Bill, Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, count, plain_name, size
from trainyard.teardown.looking import Look


class Database(Holder):
    """An instance of RDS with its automated backups; snapshots that people made stay."""

    type = "AWS::RDS::DBInstance"
    noun = "database"
    in_network = True
    _gone = ("DBInstanceNotFound", "DBInstanceNotFoundFault")

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:rds:{region}:{account}:db:{identity}"

    def identity(self, arn: str) -> str | None:
        return plain_name("rds", arn, "db:")

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("rds")
        found = look.unless(self._gone, lambda: client.describe_db_instances(DBInstanceIdentifier=identity))
        if found is None or found["DBInstances"][0]["DBInstanceStatus"] == "deleting":
            return None
        described = found["DBInstances"][0]
        zones = "/multi-az" if described.get("MultiAZ") else ""
        return Contents(
            says=f"{described['Engine']}, {described['AllocatedStorage']} GiB with its automated backups",
            data=True,
            bill=tariff.hourly(f"rds/{described['DBInstanceClass']}/{described['Engine']}{zones}"),
            key=described.get("KmsKeyId"),
        )

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """The deletion takes along what is in it."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("rds")
        if look.unless(self._gone, lambda: client.describe_db_instances(DBInstanceIdentifier=identity)) is None:
            return
        client.modify_db_instance(DBInstanceIdentifier=identity, DeletionProtection=False, ApplyImmediately=True)
        look.unless(
            (*self._gone, "is already being deleted"),
            lambda: client.delete_db_instance(
                DBInstanceIdentifier=identity, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
            ),
        )
        say(f"{identity}: being deleted")
        client.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=identity)


class Table(Holder):
    """A table of DynamoDB."""

    type = "AWS::DynamoDB::Table"
    noun = "table"
    _gone = ("ResourceNotFoundException",)

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:dynamodb:{region}:{account}:table/{identity}"

    def identity(self, arn: str) -> str | None:
        return plain_name("dynamodb", arn, "table/")

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("dynamodb")
        found = look.unless(self._gone, lambda: client.describe_table(TableName=identity))
        if found is None or found["Table"]["TableStatus"] == "DELETING":
            return None
        # The figures are hours old: whether there is anything is asked of the table itself.
        items, stored = found["Table"].get("ItemCount", 0), found["Table"].get("TableSizeBytes", 0)
        data = bool(client.scan(TableName=identity, Limit=1)["Items"])
        return Contents(
            says=f"{count(items, 'item')}, {size(stored)}" if items else "items" if data else "empty",
            data=data,
            bill=tariff.stored("dynamodb/stored-gb-month", stored),
            key=found["Table"].get("SSEDescription", {}).get("KMSMasterKeyArn"),
        )

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """The deletion takes along what is in it."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("dynamodb")
        look.unless(self._gone, lambda: client.delete_table(TableName=identity))


class Secret(Holder):
    """A secret; deleted, it can be restored for thirty days, and bills nothing in them (AWS Secrets Manager User Guide,
    "Delete an AWS Secrets Manager secret", read 2026-11-22)."""

    type = "AWS::SecretsManager::Secret"
    noun = "secret"
    _gone = ("ResourceNotFoundException", "marked for deletion", "marked deleted")

    def arn(self, identity: str, account: str, region: str) -> str:
        return identity

    def identity(self, arn: str) -> str | None:
        return arn if plain_name("secretsmanager", arn, "secret:") else None

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("secretsmanager")
        found = look.unless(self._gone, lambda: client.describe_secret(SecretId=identity))
        if found is None or "DeletedDate" in found:
            return None
        return Contents(says="a secret", data=True, bill=tariff.each("secretsmanager/secret-month"),
                        key=found.get("KmsKeyId"))  # fmt: skip

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """Nothing is in a secret but itself."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("secretsmanager")
        look.unless(self._gone, lambda: client.delete_secret(SecretId=identity, RecoveryWindowInDays=30))


class Metrics(Holder):
    """A workspace of Amazon Managed Service for Prometheus: the series of its retention."""

    type = "AWS::APS::Workspace"
    noun = "workspace of metrics"
    record = True
    _gone = ("ResourceNotFoundException",)

    def arn(self, identity: str, account: str, region: str) -> str:
        # Ref gives the ARN.
        return identity

    def identity(self, arn: str) -> str | None:
        return arn if plain_name("aps", arn, "workspace/") else None

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client, name = look.client("amp"), identity.rpartition("/")[2]
        found = look.unless(self._gone, lambda: client.describe_workspace(workspaceId=name))
        if found is None or found["workspace"]["status"]["statusCode"] == "DELETING":
            return None
        # It tells nobody how much it stores; without anything that writes, what is stored is all that it bills.
        return Contents(says="series of its retention", data=True, bill=Bill(unknown=1),
                        key=found["workspace"].get("kmsKeyArn"))  # fmt: skip

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """The deletion takes along what is in it."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client, name = look.client("amp"), identity.rpartition("/")[2]
        look.unless(self._gone, lambda: client.delete_workspace(workspaceId=name))
