"""Keys, buckets, images, parameters."""

from __future__ import annotations

import json

from .cases import RETAGGED, ROOT, TAGS, Case, att, key, policy, ref

BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
                "action": {"type": "expire"},
            }
        ]
    }
)

_SCRATCH = {"DeploymentType": "SCRATCH_2", "DataCompressionType": "LZ4", "WeeklyMaintenanceStartTime": "7:03:00"}
_LUSTRE_NETWORK = {
    "Net": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.99.0.0/24"}},
    "Sub": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.99.0.0/26", "VpcId": ref("Net")}},
    "Other": {"Type": "AWS::EC2::Subnet", "Properties": {"CidrBlock": "10.99.0.64/26", "VpcId": ref("Net")}},
    "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "lustre", "VpcId": ref("Net")}},
}

CASES = [
    Case(
        "AWS::FSx::FileSystem",
        {
            "FileSystemType": "LUSTRE",
            "StorageCapacity": 1200,
            "StorageType": "SSD",
            "SubnetIds": [ref("Sub")],
            "SecurityGroupIds": [att("Group", "GroupId")],
            "LustreConfiguration": _SCRATCH,
            "Tags": TAGS,
        },
        _LUSTRE_NETWORK,
        update={
            "StorageCapacity": 2400,
            "LustreConfiguration": {**_SCRATCH, "WeeklyMaintenanceStartTime": "1:05:00"},
            "Tags": RETAGGED,
        },
        replace={"SubnetIds": [ref("Other")]},
        refused={"LustreConfiguration": {**_SCRATCH, "ImportPath": "s3://bucket"}},
        refused_path="LustreConfiguration.ImportPath",
        wrong={"SubnetIds": ["subnet-0123456789abcdef0"]},
        wrong_says="subnet-0123456789abcdef0",
    ),
    Case(
        "AWS::KMS::Key",
        {
            **key()["Properties"],
            "Description": "data",
            "EnableKeyRotation": "true",
            "RotationPeriodInDays": 180,
            "PendingWindowInDays": 7,
            "Tags": TAGS,
        },
        update={
            **key("logs.us-east-1.amazonaws.com")["Properties"],
            "EnableKeyRotation": False,
            "RotationPeriodInDays": None,
            "Description": None,
            "Tags": RETAGGED,
        },
        refused={"BypassPolicyLockoutSafetyCheck": True},
        refused_path="BypassPolicyLockoutSafetyCheck",
        wrong={"PendingWindowInDays": 3},
        wrong_says="between 7 and 30",
    ),
    Case(
        "AWS::KMS::Alias",
        {"AliasName": "alias/it", "TargetKeyId": att("Key", "Arn")},
        {"Key": key(), "Other": key()},
        update={"TargetKeyId": ref("Other")},
        replace={"AliasName": "alias/it-too"},
        wrong={"TargetKeyId": "00000000-0000-0000-0000-000000000000"},
        wrong_says="00000000-0000-0000-0000-000000000000",
    ),
    Case(
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": att("Key", "Arn"),
                        },
                    }
                ]
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "uploads",
                        "Status": "Enabled",
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    },
                    {
                        "Id": "old",
                        "Status": "Enabled",
                        "Prefix": "checkpoints/",
                        "ExpirationInDays": "30",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
                        "Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 1}],
                    },
                    {
                        "Id": "tagged",
                        "Status": "Disabled",
                        "Prefix": "a/",
                        "TagFilters": [{"Key": "k", "Value": "v"}],
                        "ObjectSizeGreaterThan": "1024",
                        "ExpirationInDays": 2,
                    },
                ]
            },
            "LoggingConfiguration": {"DestinationBucketName": ref("Logs"), "LogFilePrefix": "it/"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "IgnorePublicAcls": "true"},
            "VersioningConfiguration": {"Status": "Enabled"},
            "Tags": TAGS,
        },
        {"Key": key(), "Logs": BUCKET},
        update={
            "BucketEncryption": None,
            "LifecycleConfiguration": {
                "Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 7}],
            },
            "LoggingConfiguration": None,
            "VersioningConfiguration": {"Status": "Suspended"},
            "Tags": RETAGGED,
        },
        replace={"BucketName": "it-under-another-name"},
        refused={"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationDate": "2030-01-01"}]}},
        refused_path="LifecycleConfiguration.Rules.ExpirationDate",
        wrong={"LoggingConfiguration": {"DestinationBucketName": "not-there"}},
        wrong_says="the bucket not-there does not exist",
    ),
    Case(
        "AWS::S3::BucketPolicy",
        {"Bucket": ref("Bucket"), "PolicyDocument": policy(resource={"Fn::Sub": "${Bucket.Arn}/*"}, Principal="*")},
        {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"PublicAccessBlockConfiguration": {}}}, "Other": BUCKET},
        update={"PolicyDocument": policy("s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/*"}, Principal={"AWS": ROOT})},
        wrong={"Bucket": "not-there"},
        wrong_says="The specified bucket does not exist",
    ),
    Case(
        "AWS::SSM::Parameter",
        {"Name": "/it", "Type": "String", "Value": "1", "Description": "one", "Tags": {"team": "models"}},
        update={"Value": "2", "Tags": {"cost": "2"}},
        replace={"Name": "/it/too"},
        refused={"Policies": "[]"},
        refused_path="Policies",
        wrong={"Type": "SecureString"},
        wrong_says="String or StringList",
    ),
    Case(
        "AWS::ECR::Repository",
        {
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "ImageTagMutability": "IMMUTABLE",
            "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
            "RepositoryPolicyText": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ecr:*"}],
            },
            "EmptyOnDelete": True,
            "Tags": TAGS,
        },
        update={"ImageTagMutability": "MUTABLE", "LifecyclePolicy": None, "Tags": RETAGGED},
        replace={"RepositoryName": "it/too"},
        refused={"ImageTagMutabilityExclusionFilters": []},
        refused_path="ImageTagMutabilityExclusionFilters",
        wrong={"EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": "00000000-0000-0000-0000-000000000000"}},
        wrong_says="00000000-0000-0000-0000-000000000000",
    ),
]
