"""Readers of buckets, keys, log groups, parameters and repositories."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from trainyard.local.readback.readers.base import Deployed, Reader, document, missing, tags

_BLOCK_DEFAULTS = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def _configured(read: Callable[[], Any], *codes: str) -> Any:
    """What a service says, None when it says that nothing was configured."""
    try:
        return read()
    except ClientError as error:
        if missing(error, *codes):
            return None
        raise


def _bucket(deployed: Deployed) -> dict[str, Any]:
    bucket = deployed.physical_id

    def ask(operation: str, key: str, *codes: str) -> Any:
        return _configured(lambda: deployed.call("s3", operation, Bucket=bucket).get(key), *codes)

    encryption = ask(
        "get_bucket_encryption", "ServerSideEncryptionConfiguration", "ServerSideEncryptionConfigurationNotFoundError"
    )
    rules = ask("get_bucket_lifecycle_configuration", "Rules", "NoSuchLifecycleConfiguration")
    logging = ask("get_bucket_logging", "LoggingEnabled")
    block = ask("get_public_access_block", "PublicAccessBlockConfiguration", "NoSuchPublicAccessBlockConfiguration")
    controls = ask("get_bucket_ownership_controls", "OwnershipControls", "OwnershipControlsNotFoundError")
    status = ask("get_bucket_versioning", "Status")
    found: dict[str, Any] = {
        "AccessControl": _acl(deployed.call("s3", "get_bucket_acl", Bucket=bucket)["Grants"]),
        "BucketName": bucket,
        "PublicAccessBlockConfiguration": block,
        "OwnershipControls": controls,
        "Tags": tags(ask("get_bucket_tagging", "TagSet", "NoSuchTagSet")),
        "VersioningConfiguration": {"Status": status} if status else None,
        "LifecycleConfiguration": {"Rules": [_lifecycle_rule(row) for row in rules]} if rules else None,
        "BucketEncryption": _encryption(encryption["Rules"]) if encryption else None,
    }
    if logging:
        prefix = {"LogFilePrefix": logging["TargetPrefix"]} if logging.get("TargetPrefix") else {}
        found["LoggingConfiguration"] = {"DestinationBucketName": logging["TargetBucket"], **prefix}
    return {name: value for name, value in found.items() if value is not None}


def _acl(grants: list[dict[str, Any]]) -> str:
    """The canned ACL that a bucket's grants amount to."""
    groups = {
        (row["Grantee"]["URI"].rpartition("/")[2], row["Permission"]) for row in grants if "URI" in row["Grantee"]
    }
    canned = {
        "Private": set(),
        "AuthenticatedRead": {("AuthenticatedUsers", "READ")},
        "LogDeliveryWrite": {("LogDelivery", "READ_ACP"), ("LogDelivery", "WRITE")},
        "PublicRead": {("AllUsers", "READ")},
        "PublicReadWrite": {("AllUsers", "READ"), ("AllUsers", "WRITE")},
    }
    return next((name for name, wanted in canned.items() if wanted == groups), f"grants to {sorted(groups)}")


def _encryption(rules: list[dict[str, Any]]) -> dict[str, Any]:
    made = []
    for row in rules:
        rule = {"BucketKeyEnabled": row.get("BucketKeyEnabled", False)}
        if "ApplyServerSideEncryptionByDefault" in row:
            rule["ServerSideEncryptionByDefault"] = row["ApplyServerSideEncryptionByDefault"]
        made.append(rule)
    return {"ServerSideEncryptionConfiguration": made}


def _lifecycle_rule(row: dict[str, Any]) -> dict[str, Any]:
    chosen = row.get("Filter", {})
    parts = {**chosen, **chosen.get("And", {})}
    parts.pop("And", None)
    made: dict[str, Any] = {"Id": row.get("ID"), "Status": row["Status"]}
    if parts.get("Prefix"):
        made["Prefix"] = parts["Prefix"]
    labels = parts.get("Tags") or ([parts["Tag"]] if parts.get("Tag") else [])
    if labels:
        made["TagFilters"] = labels
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in parts:
            made[name] = parts[name]
    expiration = row.get("Expiration", {})
    if "Days" in expiration:
        made["ExpirationInDays"] = expiration["Days"]
    if "ExpiredObjectDeleteMarker" in expiration:
        made["ExpiredObjectDeleteMarker"] = expiration["ExpiredObjectDeleteMarker"]
    for name in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if name in row:
            made[name] = row[name]
    if row.get("Transitions"):
        made["Transitions"] = [
            {"StorageClass": one["StorageClass"], "TransitionInDays": one["Days"]} for one in row["Transitions"]
        ]
    if row.get("NoncurrentVersionTransitions"):
        made["NoncurrentVersionTransitions"] = [
            {
                "StorageClass": one["StorageClass"],
                "TransitionInDays": one["NoncurrentDays"],
                **{k: one[k] for k in ("NewerNoncurrentVersions",) if k in one},
            }
            for one in row["NoncurrentVersionTransitions"]
        ]
    return made


def _bucket_attribute(deployed: Deployed, name: str) -> Any:
    bucket = deployed.physical_id
    region = deployed.call("s3", "get_bucket_location", Bucket=bucket).get("LocationConstraint") or "us-east-1"
    return {
        "Arn": f"arn:aws:s3:::{bucket}",
        "DomainName": f"{bucket}.s3.amazonaws.com",
        "DualStackDomainName": f"{bucket}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{bucket}.s3.{region}.amazonaws.com",
    }.get(name)


def _bucket_policy(deployed: Deployed) -> dict[str, Any]:
    bucket = deployed.properties["Bucket"]
    text = _configured(
        lambda: deployed.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"], "NoSuchBucketPolicy", "NoSuchBucket"
    )
    return {"Bucket": bucket, "PolicyDocument": document(text)} if text else {}


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
    lifecycle = _configured(
        lambda: deployed.call("ecr", "get_lifecycle_policy", repositoryName=name)["lifecyclePolicyText"],
        "LifecyclePolicyNotFoundException",
    )
    policy = _configured(
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


_AES256 = {
    "ServerSideEncryptionConfiguration": [
        {"BucketKeyEnabled": False, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
}

READERS = {
    "AWS::S3::Bucket": Reader(
        read=_bucket,
        attribute=_bucket_attribute,
        defaults={
            "AccessControl": "Private",
            "BucketEncryption": _AES256,
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": _BLOCK_DEFAULTS,
        },
        chosen=frozenset({"BucketName"}),
    ),
    "AWS::S3::BucketPolicy": Reader(read=_bucket_policy),
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
