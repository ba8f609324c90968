"""A DB instance as a template and a client have it: made, read back, changed, restarted, gone; the rest is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.trainyard.local.cloudformation.conftest import Stack, StackFailed
from trainyard.local.clusters.node import available
from trainyard.local.clusters.slurm_packages import default_folder
from trainyard.local.databases.packages import layer_beside, missing
from trainyard.local.readback import Verdict

REASON = available() or missing(layer_beside(default_folder()))
needs_mariadb = pytest.mark.skipif(bool(REASON), reason=REASON or "there is a MariaDB")


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def of_secret(name: str) -> dict[str, Any]:
    return {"Fn::Join": ["", ["{{resolve:secretsmanager:", ref("Secret"), f":SecretString:{name}::}}}}"]]}


def group(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "g", "VpcId": ref("Net"), **properties}}  # fmt: skip


BESIDE = {
    "Net": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.97.0.0/24"}},
    "A": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.97.0.0/26", "VpcId": ref("Net")}},
    "B": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.97.0.64/26", "VpcId": ref("Net")}},
    "Group": group(),
    "Secret": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"GenerateSecretString": {
            "SecretStringTemplate": '{"username": "slurm"}', "GenerateStringKey": "password", "PasswordLength": 30,
            "ExcludeCharacters": "\"@/\\ '"}},
    },
    "Subnets": {
        "Type": "AWS::RDS::DBSubnetGroup",
        "Properties": {"DBSubnetGroupDescription": "d", "SubnetIds": [ref("A"), ref("B")]},
    },
}  # fmt: skip
INSTANCE: dict[str, Any] = {
    "AllocatedStorage": "20", "BackupRetentionPeriod": 7, "DBInstanceClass": "db.t4g.micro", "DBName": "jobs",
    "DBParameterGroupName": ref("Parameters"), "DBSubnetGroupName": ref("Subnets"), "Engine": "mariadb",
    "EngineVersion": "10.11.15", "MasterUsername": of_secret("username"),
    "MasterUserPassword": of_secret("password"), "Port": "3316", "StorageType": "gp3",
    "VPCSecurityGroups": [{"Fn::GetAtt": ["Group", "GroupId"]}], "Tags": [{"Key": "team", "Value": "platform"}],
}  # fmt: skip
ATTACHMENT = {"SecretId": ref("Secret"), "TargetId": ref("It"), "TargetType": "AWS::RDS::DBInstance"}


def template(parameters: dict[str, str], **instance: Any) -> dict[str, Any]:
    of_group = {"Description": "d", "Family": "mariadb10.11", "Parameters": parameters}
    return {"Resources": {
        **BESIDE,
        "Parameters": {"Type": "AWS::RDS::DBParameterGroup", "Properties": of_group},
        "It": {"Type": "AWS::RDS::DBInstance", "Properties": {**INSTANCE, **instance}},
        "Attachment": {"Type": "AWS::SecretsManager::SecretTargetAttachment", "Properties": ATTACHMENT},
    }}  # fmt: skip


@pytest.fixture
def stack(client: Callable[[str], Any], tmp_path: Path) -> Iterator[Stack]:
    found = Stack(client, tmp_path, f"databases-{time.monotonic_ns()}")
    yield found
    found.delete()


def described(client: Callable[[str], Any], stack: Stack) -> dict[str, Any]:
    (found,) = client("rds").describe_db_instances(DBInstanceIdentifier=stack.physical_id("It"))["DBInstances"]
    return dict(found)


def different(stack: Stack) -> list[str]:
    return [str(finding) for finding in stack.read_back().of(Verdict.DIFFERS)]


@needs_mariadb
@pytest.mark.slow
def test_a_database_is_as_its_template_says_and_changes_with_it(client: Callable[[str], Any], stack: Stack) -> None:
    stack.deploy(template({"innodb_lock_wait_timeout": "900"}))
    assert different(stack) == []
    made = described(client, stack)
    secret = json.loads(client("secretsmanager").get_secret_value(SecretId=stack.physical_id("Secret"))["SecretString"])
    assert (secret["username"], secret["host"], secret["port"]) == ("slurm", made["Endpoint"]["Address"], 3316)
    # One setting that takes effect at once, and one that waits for a start.
    changed = {"innodb_lock_wait_timeout": "800", "back_log": "70"}
    stack.deploy(template(changed, BackupRetentionPeriod=8, AutoMinorVersionUpgrade=False))
    assert different(stack) == []
    assert described(client, stack)["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"
    client("rds").reboot_db_instance(DBInstanceIdentifier=made["DBInstanceIdentifier"])
    client("rds").get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=made["DBInstanceIdentifier"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert described(client, stack)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    assert described(client, stack)["DbiResourceId"] == made["DbiResourceId"]


@needs_mariadb
@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "instance", "said"),
    [
        ({"nonsense": "1"}, {}, "The database did not start: mariadbd: unknown variable 'nonsense=1'"),
        ({}, {"Engine": "postgres"}, "Engine: got 'postgres', but MariaDB alone runs here. Take mariadb."),
        ({}, {"PubliclyAccessible": True}, "PubliclyAccessible: got 'true', but nodes of a cluster alone reach"),
        ({}, {"MonitoringInterval": 60}, "the local cloud does not apply MonitoringInterval"),
        ({}, {"KmsKeyId": "0123", "StorageEncrypted": True}, "KmsKeyId: got '0123', but there is no such key"),
    ],
)
def test_a_database_that_cannot_be_fails_the_deploy_by_name(
    stack: Stack, parameters: dict[str, str], instance: dict[str, Any], said: str
) -> None:
    with pytest.raises(StackFailed) as caught:
        stack.deploy(template(parameters, **instance))
    assert said in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "request_", "said"),
    [
        ("create_db_instance", {"DBInstanceClass": "db.m5.large", "Iops": 3000}, "Iops: the embedded cloud does not"),
        ("modify_db_instance", {"DBPortNumber": 3307}, "DBPortNumber: the embedded cloud does not apply it"),
        ("create_db_snapshot", {"DBSnapshotIdentifier": "s"}, "CreateDBSnapshot: the embedded cloud runs single"),
    ],
)
def test_what_a_client_asks_that_is_not_run_is_refused_by_name(
    client: Callable[[str], Any], operation: str, request_: dict[str, Any], said: str
) -> None:
    engine = {"Engine": "mariadb"} if operation.startswith("create_db_instance") else {}
    with pytest.raises(ClientError, match=said):
        getattr(client("rds"), operation)(DBInstanceIdentifier="x", **engine, **request_)
