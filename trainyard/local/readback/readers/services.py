"""Readers of keys, log groups, parameters and repositories."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, configured, document, tags


def _key(deployed: Deployed) -> dict[str, Any]:
    key = deployed.call("kms", "describe_key", KeyId=deployed.physical_id)["KeyMetadata"]
    policy = deployed.call("kms", "get_key_policy", KeyId=deployed.physical_id, PolicyName="default")["Policy"]
    rotation = deployed.call("kms", "get_key_rotation_status", KeyId=deployed.physical_id)
    labels = deployed.call("kms", "list_resource_tags", KeyId=deployed.physical_id)["Tags"]
    found = {
        "Description": key.get("Description", ""),
        "EnableKeyRotation": rotation["KeyRotationEnabled"],
        "Enabled": key["KeyState"] == "Enabled",
        "KeyPolicy": document(policy),
        "KeySpec": key["KeySpec"],
        "KeyUsage": key["KeyUsage"],
        "MultiRegion": key.get("MultiRegion", False),
        "Origin": key["Origin"],
        "Tags": tags(labels, "TagKey", "TagValue"),
    }
    if rotation.get("RotationPeriodInDays") and rotation["KeyRotationEnabled"]:
        found["RotationPeriodInDays"] = rotation["RotationPeriodInDays"]
    return found


def _key_attribute(deployed: Deployed, name: str) -> Any:
    key = deployed.call("kms", "describe_key", KeyId=deployed.physical_id)["KeyMetadata"]
    return {"Arn": key["Arn"], "KeyId": key["KeyId"]}.get(name)


def _alias(deployed: Deployed) -> dict[str, Any]:
    target = deployed.properties["TargetKeyId"]
    pages = deployed.clients.client("kms").get_paginator("list_aliases").paginate()
    for row in (alias for page in pages for alias in page["Aliases"]):
        if row["AliasName"] == deployed.physical_id:
            # The template names the key by id or ARN, the service by id.
            same = str(target).rpartition("/")[2] == row.get("TargetKeyId")
            return {"AliasName": row["AliasName"], "TargetKeyId": target if same else row.get("TargetKeyId")}
    return {}


def _log_group(deployed: Deployed) -> dict[str, Any]:
    name = deployed.physical_id
    groups = deployed.call("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
    found = next((row for row in groups if row["logGroupName"] == name), None)
    if found is None:
        return {}
    labels = deployed.call("logs", "list_tags_for_resource", resourceArn=found["arn"].removesuffix(":*"))["tags"]
    made = {"LogGroupName": name, "Tags": tags(labels)}
    if "retentionInDays" in found:
        made["RetentionInDays"] = found["retentionInDays"]
    if "kmsKeyId" in found:
        made["KmsKeyId"] = found["kmsKeyId"]
    return made


def _log_group_attribute(deployed: Deployed, name: str) -> Any:
    groups = deployed.call("logs", "describe_log_groups", logGroupNamePrefix=deployed.physical_id)["logGroups"]
    arns = [row["arn"] for row in groups if row["logGroupName"] == deployed.physical_id]
    return arns[0] if arns and name == "Arn" else None


def _log_policy(deployed: Deployed) -> dict[str, Any]:
    found = deployed.call("logs", "describe_resource_policies")["resourcePolicies"]
    text = next((row["policyDocument"] for row in found if row.get("policyName") == deployed.physical_id), None)
    return {"PolicyName": deployed.physical_id, "PolicyDocument": document(text)} if text else {}


def _parameter(deployed: Deployed) -> dict[str, Any]:
    name = deployed.physical_id
    value = deployed.call("ssm", "get_parameter", Name=name)["Parameter"]
    filters = [{"Key": "Name", "Values": [name]}]
    described = deployed.call("ssm", "describe_parameters", ParameterFilters=filters)["Parameters"]
    labels = deployed.call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=name)["TagList"]
    known = {key: text for key, text in (described[0] if described else {}).items() if text}
    names = ("AllowedPattern", "DataType", "Description", "Tier")
    return {
        **{key: known[key] for key in names if key in known},
        "Name": value["Name"],
        "Tags": {row["Key"]: row["Value"] for row in tags(labels)},
        "Type": value["Type"],
        "Value": value["Value"],
    }


def _parameter_attribute(deployed: Deployed, name: str) -> Any:
    found = deployed.call("ssm", "get_parameter", Name=deployed.physical_id)["Parameter"]
    return {"Arn": found.get("ARN"), "Type": found["Type"], "Value": found["Value"]}.get(name)


def _repository(deployed: Deployed) -> dict[str, Any]:
    name = deployed.physical_id
    found = deployed.call("ecr", "describe_repositories", repositoryNames=[name])["repositories"][0]
    lifecycle = configured(
        lambda: deployed.call("ecr", "get_lifecycle_policy", repositoryName=name)["lifecyclePolicyText"],
        "LifecyclePolicyNotFoundException",
    )
    policy = configured(
        lambda: deployed.call("ecr", "get_repository_policy", repositoryName=name)["policyText"],
        "RepositoryPolicyNotFoundException",
    )
    encryption = found.get("encryptionConfiguration", {})
    labels = deployed.call("ecr", "list_tags_for_resource", resourceArn=found["repositoryArn"])["tags"]
    made = {
        "EncryptionConfiguration": {
            "EncryptionType": encryption.get("encryptionType", "AES256"),
            **({"KmsKey": encryption["kmsKey"]} if encryption.get("kmsKey") else {}),
        },
        "ImageScanningConfiguration": {"ScanOnPush": found["imageScanningConfiguration"]["scanOnPush"]},
        "ImageTagMutability": found["imageTagMutability"],
        "RepositoryName": name,
        "Tags": tags(labels),
    }
    if lifecycle:
        made["LifecyclePolicy"] = {"LifecyclePolicyText": lifecycle}
    if policy:
        made["RepositoryPolicyText"] = document(policy)
    return made


def _repository_attribute(deployed: Deployed, name: str) -> Any:
    found = deployed.call("ecr", "describe_repositories", repositoryNames=[deployed.physical_id])["repositories"][0]
    return {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]}.get(name)


READERS = {
    "AWS::KMS::Key": Reader(
        read=_key,
        attribute=_key_attribute,
        defaults={
            "Description": "",
            "EnableKeyRotation": False,
            "Enabled": True,
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "MultiRegion": False,
            "Origin": "AWS_KMS",
            "RotationPeriodInDays": 365,
        },
        unread={"PendingWindowInDays": "KMS keeps no waiting period before a deletion is scheduled"},
        chosen=frozenset({"KeyPolicy"}),
    ),
    "AWS::KMS::Alias": Reader(read=_alias),
    "AWS::Logs::LogGroup": Reader(read=_log_group, attribute=_log_group_attribute, chosen=frozenset({"LogGroupName"})),
    "AWS::Logs::ResourcePolicy": Reader(read=_log_policy),
    "AWS::SSM::Parameter": Reader(
        read=_parameter,
        attribute=_parameter_attribute,
        defaults={"DataType": "text", "Tier": "Standard"},
        chosen=frozenset({"Name"}),
    ),
    "AWS::ECR::Repository": Reader(
        read=_repository,
        attribute=_repository_attribute,
        defaults={
            "EncryptionConfiguration": {"EncryptionType": "AES256"},
            "ImageScanningConfiguration": {"ScanOnPush": False},
            "ImageTagMutability": "MUTABLE",
        },
        unread={"EmptyOnDelete": "it tells CloudFormation how to delete; the service does not know it"},
        chosen=frozenset({"RepositoryName"}),
    ),
}
