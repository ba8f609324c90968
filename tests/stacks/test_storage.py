"""The buckets' template."""

import pytest
from synthesis import resources, template

BUCKETS = ("Data", "Checkpoints", "Artifacts")


@pytest.fixture(scope="module")
def storage() -> dict:
    return template("Prod", "Storage")


def bucket(storage: dict, name: str) -> dict:
    (found,) = (e for n, e in resources(storage, "AWS::S3::Bucket").items() if n.startswith(f"Storage{name}"))
    return found["Properties"]


@pytest.mark.parametrize("name", BUCKETS)
def test_objects_are_encrypted_with_the_one_key(storage: dict, name: str) -> None:
    ((key, entry),) = resources(storage, "AWS::KMS::Key").items()
    (rule,) = bucket(storage, name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]},
    }  # fmt: skip
    assert rule["BucketKeyEnabled"] is True
    assert entry["Properties"]["EnableKeyRotation"] is True


@pytest.mark.parametrize("name", [*BUCKETS, "AccessLogs"])
def test_nothing_is_public(storage: dict, name: str) -> None:
    assert set(bucket(storage, name)["PublicAccessBlockConfiguration"].values()) == {True}


def test_every_bucket_refuses_what_is_not_tls(storage: dict) -> None:
    policies = resources(storage, "AWS::S3::BucketPolicy").values()
    assert len(policies) == 4
    for policy in policies:
        denied = [s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert [s["Action"] for s in denied if s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}] == ["s3:*"]


@pytest.mark.parametrize("name", BUCKETS)
def test_versions_are_kept_for_a_while_and_uploads_are_not(storage: dict, name: str) -> None:
    properties = bucket(storage, name)
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rules["AbortUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert rules["ExpireReplaced"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["ExpireReplaced"]["ExpiredObjectDeleteMarker"] is True


def test_only_checkpoints_and_access_logs_expire(storage: dict) -> None:
    expiring = {
        name: rule["ExpirationInDays"]
        for name in (*BUCKETS, "AccessLogs")
        for rule in bucket(storage, name)["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    assert expiring == {"Checkpoints": 60, "AccessLogs": 365}


@pytest.mark.parametrize("name", BUCKETS)
def test_access_is_logged(storage: dict, name: str) -> None:
    logging = bucket(storage, name)["LoggingConfiguration"]
    assert logging["LogFilePrefix"] == f"{name.lower()}/"


def test_no_bucket_has_a_name_of_its_own(storage: dict) -> None:
    assert all("BucketName" not in e["Properties"] for e in resources(storage, "AWS::S3::Bucket").values())


@pytest.mark.parametrize(("stage", "policy"), [("Local", "Delete"), ("Dev", "Delete"), ("Prod", "Retain")])
def test_data_outlives_its_stack_in_production_only(stage: str, policy: str) -> None:
    for part in ("Network", "Storage", "Training"):
        for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SageMaker::ModelPackageGroup"):
            for entry in resources(template(stage, part), kind).values():
                assert (entry["DeletionPolicy"], entry["UpdateReplacePolicy"]) == (policy, policy)
