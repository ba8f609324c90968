"""Readers of databases and of their secrets."""

import json
import re
from collections.abc import Mapping
from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, tags

_INSTANCE = (
    "AllocatedStorage", "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "CopyTagsToSnapshot", "DBInstanceClass",
    "DBInstanceIdentifier", "DBName", "DeletionProtection", "Engine", "EngineVersion", "KmsKeyId", "MasterUsername",
    "MultiAZ", "PubliclyAccessible", "StorageEncrypted", "StorageType",
)  # fmt: skip
_OF_SECRET = re.compile(r"\{\{resolve:secretsmanager:(?P<secret>.+):SecretString:(?P<name>[^:}]+)[^}]*\}\}")
_GENERATED_SET = {"Lowercase": "a-z", "Uppercase": "A-Z", "Numbers": "0-9"}


def _instance(deployed: Deployed) -> dict[str, Any]:
    found = deployed.call("rds", "describe_db_instances", DBInstanceIdentifier=deployed.physical_id)["DBInstances"][0]
    read = {name: found[name] for name in _INSTANCE if name in found}
    return {
        **{name: value for name, value in read.items() if value != ""},
        "DBParameterGroupName": found["DBParameterGroups"][0]["DBParameterGroupName"],
        "DBSubnetGroupName": found["DBSubnetGroup"]["DBSubnetGroupName"],
        "MasterUsername": _as_written(deployed, "MasterUsername", found["MasterUsername"]),
        "Port": found["Endpoint"]["Port"],
        "Tags": tags(found.get("TagList")),
        "VPCSecurityGroups": [row["VpcSecurityGroupId"] for row in found["VpcSecurityGroups"]],
    }


def _as_written(deployed: Deployed, name: str, actual: str) -> str:
    """A value that a template takes from a secret, in the template's words where the secret says the same."""
    written = str(deployed.properties.get(name, ""))
    found = _OF_SECRET.fullmatch(written)
    if found is None:
        return actual
    content = json.loads(_text(deployed, found["secret"]))
    return written if content.get(found["name"]) == actual else actual


def _text(deployed: Deployed, secret: str) -> str:
    return str(deployed.call("secretsmanager", "get_secret_value", SecretId=secret)["SecretString"])


def _instance_attribute(deployed: Deployed, name: str) -> Any:
    found = deployed.call("rds", "describe_db_instances", DBInstanceIdentifier=deployed.physical_id)["DBInstances"][0]
    of_endpoint = {"Endpoint.Address": found["Endpoint"]["Address"], "Endpoint.Port": str(found["Endpoint"]["Port"])}
    return of_endpoint.get(name, found.get(name))


def _subnet_group(deployed: Deployed) -> dict[str, Any]:
    name = deployed.physical_id
    found = deployed.call("rds", "describe_db_subnet_groups", DBSubnetGroupName=name)["DBSubnetGroups"][0]
    return {
        "DBSubnetGroupDescription": found["DBSubnetGroupDescription"],
        "DBSubnetGroupName": name,
        "SubnetIds": [row["SubnetIdentifier"] for row in found["Subnets"]],
        "Tags": _labels(deployed, found["DBSubnetGroupArn"]),
    }


def _parameter_group(deployed: Deployed) -> dict[str, Any]:
    name = deployed.physical_id
    found = deployed.call("rds", "describe_db_parameter_groups", DBParameterGroupName=name)["DBParameterGroups"][0]
    rows = deployed.call("rds", "describe_db_parameters", DBParameterGroupName=name, Source="user")["Parameters"]
    return {
        "DBParameterGroupName": name,
        "Description": found["Description"],
        "Family": found["DBParameterGroupFamily"],
        "Parameters": {row["ParameterName"]: row["ParameterValue"] for row in rows},
        "Tags": _labels(deployed, found["DBParameterGroupArn"]),
    }


def _labels(deployed: Deployed, arn: str) -> Any:
    return tags(deployed.call("rds", "list_tags_for_resource", ResourceName=arn)["TagList"])


def _secret(deployed: Deployed) -> dict[str, Any]:
    found = deployed.call("secretsmanager", "describe_secret", SecretId=deployed.physical_id)
    text, given = _text(deployed, deployed.physical_id), deployed.properties
    read = {name: found[name] for name in ("Description", "KmsKeyId", "Name") if found.get(name)}
    if "GenerateSecretString" in given:
        wanted = given["GenerateSecretString"]
        read["GenerateSecretString"] = wanted if _made_as(wanted, text) else "a text that was made otherwise"
    elif "SecretString" in given:
        read["SecretString"] = text
    return {**read, "Tags": tags(found.get("Tags"))}


def _made_as(wanted: Mapping[str, Any], text: str) -> bool:
    """Whether a secret is as it was to be made: its own part, and what was made up by its length and its characters."""
    made = text
    if "SecretStringTemplate" in wanted:
        content = json.loads(text)
        own = json.loads(wanted["SecretStringTemplate"])
        made = content.get(wanted["GenerateStringKey"], "")
        if any(content.get(name) != value for name, value in own.items()):
            return False
    banned = set(wanted.get("ExcludeCharacters", "")) | (set() if wanted.get("IncludeSpace") else {" "})
    ranges = [of for kind, of in _GENERATED_SET.items() if wanted.get(f"Exclude{kind}")]
    return (
        len(made) == int(wanted.get("PasswordLength", 32))
        and not banned & set(made)
        and not any(re.search(f"[{of}]", made) for of in ranges)
    )


def _attachment(deployed: Deployed) -> dict[str, Any]:
    """What the secret says of where its database is."""
    content = json.loads(_text(deployed, deployed.physical_id))
    target = str(deployed.properties["TargetId"])
    found = deployed.call("rds", "describe_db_instances", DBInstanceIdentifier=target)["DBInstances"][0]
    there = (content.get("host"), content.get("port")) == (found["Endpoint"]["Address"], found["Endpoint"]["Port"])
    return {"SecretId": deployed.physical_id, "TargetId": target if there else content.get("host"),
            "TargetType": "AWS::RDS::DBInstance"}  # fmt: skip


READERS = {
    "AWS::RDS::DBInstance": Reader(
        read=_instance,
        attribute=_instance_attribute,
        defaults={"AutoMinorVersionUpgrade": True, "BackupRetentionPeriod": 1, "CopyTagsToSnapshot": False,
                  "DeletionProtection": False, "MultiAZ": False, "Port": 3306, "PubliclyAccessible": False,
                  "StorageEncrypted": False},
        unread={"MasterUserPassword": "DescribeDBInstances returns no password"},
        chosen=frozenset({"AllocatedStorage", "DBInstanceIdentifier", "DBParameterGroupName", "DBSubnetGroupName",
                          "EngineVersion", "StorageType", "VPCSecurityGroups"}),
    ),
    "AWS::RDS::DBParameterGroup": Reader(read=_parameter_group, chosen=frozenset({"DBParameterGroupName"})),
    "AWS::RDS::DBSubnetGroup": Reader(read=_subnet_group, chosen=frozenset({"DBSubnetGroupName"})),
    "AWS::SecretsManager::Secret": Reader(read=_secret, chosen=frozenset({"KmsKeyId", "Name"})),
    "AWS::SecretsManager::SecretTargetAttachment": Reader(read=_attachment),
}  # fmt: skip
