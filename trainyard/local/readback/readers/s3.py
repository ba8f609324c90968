"""Readers of buckets and their policies."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, configured, document, tags

_BLOCK_DEFAULTS = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


_AES256 = {
    "ServerSideEncryptionConfiguration": [
        {"BucketKeyEnabled": False, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
}


def _bucket(deployed: Deployed) -> dict[str, Any]:
    bucket = deployed.physical_id

    def ask(operation: str, key: str, *codes: str) -> Any:
        return configured(lambda: deployed.call("s3", operation, Bucket=bucket).get(key), *codes)

    encryption = ask(
        "get_bucket_encryption", "ServerSideEncryptionConfiguration", "ServerSideEncryptionConfigurationNotFoundError"
    )
    rules = ask("get_bucket_lifecycle_configuration", "Rules", "NoSuchLifecycleConfiguration")
    logging = ask("get_bucket_logging", "LoggingEnabled")
    block = ask("get_public_access_block", "PublicAccessBlockConfiguration", "NoSuchPublicAccessBlockConfiguration")
    controls = ask("get_bucket_ownership_controls", "OwnershipControls", "OwnershipControlsNotFoundError")
    status = ask("get_bucket_versioning", "Status")
    metrics = ask("list_bucket_metrics_configurations", "MetricsConfigurationList")
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
    if metrics:
        found["MetricsConfigurations"] = [{"Id": row["Id"], **row.get("Filter", {})} for row in metrics]
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
    text = configured(
        lambda: deployed.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"], "NoSuchBucketPolicy", "NoSuchBucket"
    )
    return {"Bucket": bucket, "PolicyDocument": document(text)} if text else {}


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
}
