"""Groups of databases, and secrets. DB instances are in tests of their own: they take root and a MariaDB."""

from __future__ import annotations

from .cases import RETAGGED, TAGS, Case, att, key, ref

_NETWORK = {
    "Net": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.98.0.0/24"}},
    "A": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.98.0.0/26", "VpcId": ref("Net")}},
    "B": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.98.0.64/26", "VpcId": ref("Net")}},
}
_PASSWORD = {"ExcludeCharacters": "\"@/\\ '", "GenerateStringKey": "password", "PasswordLength": 30,
             "SecretStringTemplate": '{"username": "slurm"}'}  # fmt: skip

CASES = [
    Case(
        "AWS::RDS::DBSubnetGroup",
        {"DBSubnetGroupDescription": "databases", "SubnetIds": [ref("A"), ref("B")], "Tags": TAGS},
        _NETWORK,
        update={"SubnetIds": [ref("A")], "Tags": RETAGGED},
        replace={"DBSubnetGroupName": "databases"},
        wrong={"SubnetIds": ["subnet-0123456789abcdef0"]},
        wrong_says="The requested subnet is invalid",
    ),
    Case(
        "AWS::RDS::DBParameterGroup",
        {"Description": "locks", "Family": "mariadb10.11", "Parameters": {"innodb_lock_wait_timeout": 900},
         "Tags": TAGS},
        update={"Parameters": {"max_connections": "50"}, "Tags": RETAGGED},
        replace={"Description": "other"},
        wrong={"Parameters": {"innodb_buffer_pool_size": "{DBInstanceClassMemory*3/4}"}},
        wrong_says="Parameters.innodb_buffer_pool_size: got '{DBInstanceClassMemory*3/4}', but formulas of RDS",
    ),
    Case(
        "AWS::SecretsManager::Secret",
        {"Description": "database", "GenerateSecretString": _PASSWORD, "KmsKeyId": att("Key", "Arn"), "Tags": TAGS},
        {"Key": key()},
        update={"Description": None, "GenerateSecretString": {**_PASSWORD, "PasswordLength": 20}, "Tags": RETAGGED},
        replace={"Name": "database"},
        refused={"ReplicaRegions": [{"Region": "us-west-2"}]},
        refused_path="ReplicaRegions",
    ),
]  # fmt: skip
