"""Buckets and their policies."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.core.responses import get_region

from trainyard.local.cloudformation import s3_lifecycle
from trainyard.local.cloudformation.aws import CallError, boolean, call
from trainyard.local.cloudformation.kms import existing_key
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    policy_text,
    tag_list,
    unless_gone,
)

_ENCRYPTION = {"KMSMasterKeyID": ALL, "SSEAlgorithm": ALL}
_ACLS = {
    "AuthenticatedRead": "authenticated-read",
    "LogDeliveryWrite": "log-delivery-write",
    "Private": "private",
    "PublicRead": "public-read",
    "PublicReadWrite": "public-read-write",
}
"""CloudFormation's names of canned ACLs, and S3's."""
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def exists(bucket: object) -> bool:
    """Whether a bucket exists."""
    try:
        call("s3", "HeadBucket", Bucket=bucket)
    except CallError:
        return False
    return True


class Bucket(Resource):
    type = "AWS::S3::Bucket"
    custom_name = "BucketName"
    applied: ClassVar[Mapping[str, Any]] = {
        "AccessControl": ALL,
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": {"BucketKeyEnabled": ALL, "ServerSideEncryptionByDefault": _ENCRYPTION}
        },
        "BucketName": ALL,
        "LifecycleConfiguration": {"Rules": s3_lifecycle.APPLIED},
        "LoggingConfiguration": {"DestinationBucketName": ALL, "LogFilePrefix": ALL},
        "MetricsConfigurations": {"Id": ALL, "Prefix": ALL},
        "OwnershipControls": {"Rules": {"ObjectOwnership": ALL}},
        "PublicAccessBlockConfiguration": dict.fromkeys(_BLOCKS, ALL),
        "Tags": TAGS,
        "VersioningConfiguration": {"Status": ALL},
    }

    def make(self, request: Request) -> str:
        name = request.name("BucketName", limit=63, lowercase=True)
        # CreateBucket of one's own bucket succeeds in us-east-1; CloudFormation does not take it over.
        if exists(name):
            raise CallError(f"{name} already exists", "BucketAlreadyExists")
        region = get_region()
        where = None if region == "us-east-1" else {"LocationConstraint": region}
        call("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration=where)
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        self._versioning(identity, old, new)
        self._encryption(identity, old, new)
        self._ownership(identity, old, new)
        self._public_access(identity, old, new)
        self._acl(identity, old, new)
        self._lifecycle(identity, old, new)
        self._logging(identity, old, new)
        self._metrics(identity, old, new)
        tags = tag_list(new)
        if tags:
            call("s3", "PutBucketTagging", Bucket=identity, Tagging={"TagSet": tags})
        elif tag_list(old):
            call("s3", "DeleteBucketTagging", Bucket=identity)

    @staticmethod
    def _versioning(bucket: str, old: Properties, new: Properties) -> None:
        # A bucket that once kept versions can only suspend.
        wanted = new.get("VersioningConfiguration") or ({"Status": "Suspended"} if old else None)
        if wanted and (new.get("VersioningConfiguration") or old.get("VersioningConfiguration")):
            call("s3", "PutBucketVersioning", Bucket=bucket, VersioningConfiguration=wanted)

    @staticmethod
    def _encryption(bucket: str, old: Properties, new: Properties) -> None:
        if "BucketEncryption" not in new:
            if "BucketEncryption" in old:
                call("s3", "DeleteBucketEncryption", Bucket=bucket)
            return
        rules = []
        for rule in new["BucketEncryption"]["ServerSideEncryptionConfiguration"]:
            made: dict[str, Any] = {}
            default = rule.get("ServerSideEncryptionByDefault")
            if default:
                made["ApplyServerSideEncryptionByDefault"] = default
                key = default.get("KMSMasterKeyID")
                if key and default["SSEAlgorithm"] == "AES256":
                    raise CallError("KMSMasterKeyID: SSEAlgorithm AES256 takes no key", "InvalidArgument")
                if key:
                    existing_key(key)
            if "BucketKeyEnabled" in rule:
                made["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
            rules.append(made)
        call("s3", "PutBucketEncryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})

    @staticmethod
    def _ownership(bucket: str, old: Properties, new: Properties) -> None:
        controls = new.get("OwnershipControls")
        if controls:
            call("s3", "PutBucketOwnershipControls", Bucket=bucket, OwnershipControls=controls)
        elif "OwnershipControls" in old:
            call("s3", "DeleteBucketOwnershipControls", Bucket=bucket)

    @staticmethod
    def _acl(bucket: str, old: Properties, new: Properties) -> None:
        before, after = old.get("AccessControl", "Private"), new.get("AccessControl", "Private")
        if after not in _ACLS:
            raise CallError(f"AccessControl: got {after!r}, but it is one of {sorted(_ACLS)}", "InvalidArgument")
        if before != after:
            call("s3", "PutBucketAcl", Bucket=bucket, ACL=_ACLS[after])

    @staticmethod
    def _public_access(bucket: str, old: Properties, new: Properties) -> None:
        given = new.get("PublicAccessBlockConfiguration")
        if given is None:
            if "PublicAccessBlockConfiguration" in old:
                call("s3", "DeletePublicAccessBlock", Bucket=bucket)
            return
        # What the template leaves out of a given block is off.
        block = {name: boolean(given.get(name, False), name) for name in _BLOCKS}
        call("s3", "PutPublicAccessBlock", Bucket=bucket, PublicAccessBlockConfiguration=block)

    @staticmethod
    def _lifecycle(bucket: str, old: Properties, new: Properties) -> None:
        given = new.get("LifecycleConfiguration")
        if given:
            rules = [s3_lifecycle.rule(index, row) for index, row in enumerate(given["Rules"])]
            s3_lifecycle.check(rules)
            call("s3", "PutBucketLifecycleConfiguration", Bucket=bucket, LifecycleConfiguration={"Rules": rules})
        elif "LifecycleConfiguration" in old:
            call("s3", "DeleteBucketLifecycle", Bucket=bucket)

    @staticmethod
    def _logging(bucket: str, old: Properties, new: Properties) -> None:
        given = new.get("LoggingConfiguration")
        if given is None:
            if "LoggingConfiguration" in old:
                call("s3", "PutBucketLogging", Bucket=bucket, BucketLoggingStatus={})
            return
        target = given.get("DestinationBucketName", bucket)
        if not exists(target):
            raise CallError(
                f"DestinationBucketName: the bucket {target} does not exist", "InvalidTargetBucketForLogging"
            )
        enabled = {"TargetBucket": target, "TargetPrefix": given.get("LogFilePrefix", "")}
        call("s3", "PutBucketLogging", Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})

    @staticmethod
    def _metrics(bucket: str, old: Properties, new: Properties) -> None:
        given = {row["Id"]: row for row in new.get("MetricsConfigurations", [])}
        for row in old.get("MetricsConfigurations", []):
            if row["Id"] not in given:
                call("s3", "DeleteBucketMetricsConfiguration", Bucket=bucket, Id=row["Id"])
        for name, row in given.items():
            made = {"Id": name, **({"Filter": {"Prefix": row["Prefix"]}} if "Prefix" in row else {})}
            call("s3", "PutBucketMetricsConfiguration", Bucket=bucket, Id=name, MetricsConfiguration=made)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        region = get_region()
        return {
            "Arn": f"arn:aws:s3:::{identity}",
            "DomainName": f"{identity}.s3.amazonaws.com",
            "DualStackDomainName": f"{identity}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{identity}.s3.{region}.amazonaws.com",
            "WebsiteURL": f"http://{identity}.s3-website-{region}.amazonaws.com",
        }

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["NoSuchBucket"], "s3", "DeleteBucket", Bucket=identity)


class BucketPolicy(Resource):
    type = "AWS::S3::BucketPolicy"
    applied: ClassVar[Mapping[str, Any]] = {"Bucket": ALL, "PolicyDocument": ALL}

    def make(self, request: Request) -> str:
        bucket = str(request.properties["Bucket"])
        try:
            call("s3", "GetBucketPolicy", Bucket=bucket)
        except CallError as error:
            if error.code != "NoSuchBucketPolicy":
                raise
            return bucket
        raise CallError(f"The bucket policy already exists on bucket {bucket}.", "AlreadyExists")

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        text = policy_text(new["PolicyDocument"])
        statements = json.loads(text)["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            named = statement.get("Resource", [])
            for resource in named if isinstance(named, list) else [named]:
                # S3 takes only statements about the bucket itself and its objects.
                if resource != f"arn:aws:s3:::{identity}" and not resource.startswith(f"arn:aws:s3:::{identity}/"):
                    raise CallError(f"Policy has invalid resource: {resource}", "MalformedPolicy")
        call("s3", "PutBucketPolicy", Bucket=identity, Policy=text)

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["NoSuchBucket", "NoSuchBucketPolicy"], "s3", "DeleteBucketPolicy", Bucket=identity)


TYPES = (Bucket, BucketPolicy)
