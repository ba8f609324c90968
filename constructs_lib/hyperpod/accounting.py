"""The database of Slurm's accounting: jobs, users and their use, which outlive the controller.

Sources, read 2026-11-22: ClusterAccountingDatabase, SageMaker API reference; "Database Configuration", accounting
guide of Slurm (MySQL or MariaDB; innodb_lock_wait_timeout); DBInstance, CloudFormation template reference; the template
of several controllers in awslabs/awsome-distributed-training, commit 0edaf15 (MariaDB 10.11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable
from pydantic import Field

from constructs_lib.network import Network
from constructs_lib.values import Value
from ml_contract.errors import reject

USER = "slurm"
SCHEMA = "slurm_acct_db"
# What Slurm itself is tested with; supported until 2028: "Supported MariaDB versions on Amazon RDS", RDS User Guide.
ENGINE = rds.MariaDbEngineVersion.VER_10_11_15
PORT = 3316
"""Not the usual one, at which a scanner looks first."""


class AccountingDatabase(Value):
    """MariaDB of Amazon RDS, for one cluster."""

    instance_class: str = Field(pattern=r"^[a-z][a-z0-9]+\.[a-z0-9]+$")
    """Type of the database's instance, for example ``m6g.large``."""
    storage_gib: int = Field(ge=20, le=65536)
    """Storage in GiB."""
    backup_days: int = Field(ge=1, le=35)
    """Days that its daily backups are kept."""
    standby: bool
    """Whether a second instance in another zone takes over within two minutes; it doubles the price."""

    def bind(
        self, scope: Construct, *, network: Network, clients: ec2.ISecurityGroup, key: kms.IKey,
        removal: cdk.RemovalPolicy,
    ) -> BoundDatabase:  # fmt: skip
        """Make the database, its secret and its group.

        Args:
            scope: Parent.
            network: Where it is; RDS asks for two zones, even without a standby.
            clients: Group of the instances that use it.
            key: Key of storage and secret.
            removal: What happens to it when the stack goes; what is not ``DESTROY`` also protects from deletion.

        Raises:
            ContractError: The network has one zone only.
        """
        zones = {subnet.availability_zone for subnet in network.subnets}
        if len(zones) < 2:
            reject("accounting", sorted(zones), "a database of RDS needs subnets in two zones",
                   "Give the network a second zone, or leave accounting out: the controller then keeps it.",
            )  # fmt: skip
        group = ec2.SecurityGroup(scope, "DatabaseGroup", vpc=network.vpc, allow_all_outbound=False,
                                  description="Accounting database: MariaDB from instances of the cluster")  # fmt: skip
        group.add_ingress_rule(clients, ec2.Port.tcp(PORT), "slurmdbd")
        secret = rds.DatabaseSecret(scope, "DatabaseSecret", username=USER, encryption_key=key)
        secret.apply_removal_policy(removal)
        engine = rds.DatabaseInstanceEngine.maria_db(version=ENGINE)
        database = rds.DatabaseInstance(
            scope,
            "Database",
            engine=engine,
            instance_type=ec2.InstanceType(self.instance_class),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=network.subnets),
            security_groups=[group],
            credentials=rds.Credentials.from_secret(secret),
            # slurmdbd makes the tables; the user must not need the right to make a schema.
            database_name=SCHEMA,
            port=PORT,
            allocated_storage=self.storage_gib,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=key,
            multi_az=self.standby,
            backup_retention=cdk.Duration.days(self.backup_days),
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            publicly_accessible=False,
            deletion_protection=removal != cdk.RemovalPolicy.DESTROY,
            removal_policy=removal,
            # A rollup over months holds its locks for longer than the 50 seconds of the default.
            parameters={"innodb_lock_wait_timeout": "900"},
        )
        assert database.secret is not None
        return BoundDatabase(database=database, secret=secret, schema=SCHEMA, after=(database.secret, group))


@dataclass(frozen=True, kw_only=True)
class BoundDatabase:
    """A database that is made."""

    database: rds.DatabaseInstance
    secret: secretsmanager.ISecret
    schema: str
    after: tuple[IDependable, ...]
    """What must be there before slurmdbd connects and is named by nothing of the cluster: the secret's part that says
    where the database is, and the rule that lets nodes in."""

    def render(self) -> dict[str, Any]:
        """``AccountingDatabase``, by the names of CDK."""
        return {"endpoint": self.database.instance_endpoint.hostname, "port": PORT, "name": self.schema,
                "secretArn": self.secret.secret_arn}  # fmt: skip

    def grant_connect(self, role: iam.IRole) -> None:
        """Let an instance read user and password."""
        self.secret.grant_read(role)
