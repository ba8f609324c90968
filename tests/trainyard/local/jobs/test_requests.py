"""What a request may ask: nothing is dropped in silence, and everything it points at exists."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.faults import Faults
from trainyard.local.jobs import ProcessingJobs, TrainingJobs
from trainyard.local.jobs.refusals import PROCESSING, TRAINING, Refusal
from trainyard.local.tags import Tags

from .conftest import IMAGE

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")
ROLE = "arn:aws:iam::123456789012:role/role"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
MODEL = botocore.session.get_session().get_service_model("sagemaker")
S3 = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data"}
GROUP = {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1}
SYSTEM = {"FileSystemId": "fs-01234567", "FileSystemType": "EFS", "FileSystemAccessMode": "ro", "DirectoryPath": "/d"}
TRAINING_JOB: dict[str, Any] = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": ["true"]},
    "RoleArn": ROLE,
    "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": S3}}],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
PROCESSING_JOB: dict[str, Any] = {
    "ProcessingJobName": "job",
    "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
    "RoleArn": ROLE,
    "ProcessingInputs": [
        {"InputName": "in", "S3Input": {**S3, "LocalPath": "/opt/ml/processing/input/in", "S3InputMode": "File"}}
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "out",
                "S3Output": {
                    "S3Uri": "s3://bucket/out",
                    "LocalPath": "/opt/ml/processing/output/out",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    },
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
}


class Platform:
    """A platform on which one role, bucket, subnet, group and key exist; jobs that start fail at once."""

    endpoint_url = "http://127.0.0.1:9"
    existing = frozenset(
        {("role", ROLE), ("bucket", "bucket"), ("subnet", "subnet-1"), ("security_group", "sg-1"), ("key", KEY)}
    )

    def exists(self, kind: str, arn_or_name: str) -> bool:
        return (kind, arn_or_name) in self.existing

    def client(self, service: str) -> Any:
        raise AssertionError("an operation must not call the cloud")

    def role_client(self, service: str, role_arn: str, session_name: str) -> Any:
        raise ServiceError("ValidationException", "no sessions here")

    def role_environment(self, role_arn: str, session_name: str) -> dict[str, str]:
        raise ServiceError("ValidationException", "no sessions here")


@pytest.fixture
def service(tmp_path: Path, environments: Path) -> Service:
    context = Context(
        store=Store(tmp_path / "store.db"),
        platform=Platform(),
        state=tmp_path,
        account=CALLER.account,
        region=CALLER.region,
        faults=Faults(),
        environments=environments,
        isolation="processes",
    )
    return Service("sagemaker", TrainingJobs(context), ProcessingJobs(context), Tags(context))


def change(request: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of a request with one field replaced; None removes it."""
    changed = copy.deepcopy(request)
    target: Any = changed
    *holders, name = path.replace("[0]", ".0").split(".")
    for holder, below in zip(holders, [*holders[1:], name], strict=False):
        missing: Any = [{}] if below == "0" else {}
        target = target[int(holder)] if holder.isdigit() else target.setdefault(holder, missing)
    if value is None:
        del target[name]
    else:
        target[name] = value
    return changed


def refusal(service: Service, operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(ServiceError) as caught:
        service.call(operation, request, CALLER)
    assert caught.value.code == "ValidationException"
    assert "\n" not in caught.value.message
    return caught.value.message


def example(shape: Any) -> Any:
    """A value with everything that a shape requires."""
    if shape.type_name == "structure":
        return {name: example(shape.members[name]) for name in shape.metadata.get("required", [])}
    if shape.type_name == "list":
        return [example(shape.member) for _ in range(max(1, shape.metadata.get("min", 1)))]
    if shape.type_name == "map":
        return {}
    return {"string": "arn:aws:sagemaker:us-east-1:123456789012:x", "boolean": True}.get(shape.type_name, 2000)


def asked(refusal: Refusal, operation: str) -> Any:
    """A value of the field that is not allowed here."""
    shape: Any = MODEL.operation_model(operation).input_shape
    for name in refusal.path.split("."):
        shape = shape.members[name.removesuffix("[]")]
        if name.endswith("[]"):
            shape = shape.member
    if getattr(shape, "enum", None):
        return next(value for value in shape.enum if not refusal.allowed(value))
    value = example(shape)
    if shape.type_name == "structure" and refusal.allowed(value):
        value = {name: example(member) for name, member in shape.members.items() if member.type_name == "boolean"}
        value = {name: name != "DisableProfiler" for name in value} or {"ExperimentName": "a"}
    return value


@pytest.mark.parametrize("entry", TRAINING, ids=lambda entry: entry.path)
def test_a_training_feature_that_is_not_run_is_refused(service: Service, entry: Refusal) -> None:
    path = entry.path.replace("[]", "[0]")
    value = asked(entry, "CreateTrainingJob")
    assert not entry.allowed(value)
    # The rule itself is under test, so the request goes past the shape's own checks.
    message = direct(service, "CreateTrainingJob", change(TRAINING_JOB, path, value))
    assert message.startswith(f"{path}: got ")
    assert "the embedded cloud does not run this" in message
    assert message.endswith(".")


@pytest.mark.parametrize("entry", PROCESSING, ids=lambda entry: entry.path)
def test_a_processing_feature_that_is_not_run_is_refused(service: Service, entry: Refusal) -> None:
    path = entry.path.replace("[]", "[0]")
    message = direct(service, "CreateProcessingJob", change(PROCESSING_JOB, path, asked(entry, "CreateProcessingJob")))
    assert message.startswith(f"{path}: got ")


def direct(service: Service, operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(ServiceError) as caught:
        service._methods[operation](request, CALLER)
    return caught.value.message


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("RoleArn", f"{ROLE}2", "Could not assume role arn:aws:iam::123456789012:role/role2. Please ensure"),
        ("AlgorithmSpecification.TrainingImage", "x/unknown:1", "no environment for the repository 'unknown'"),
        ("AlgorithmSpecification.TrainingImage", None, "AlgorithmSpecification.TrainingImage: got nothing"),
        ("AlgorithmSpecification.ContainerEntrypoint", None, "AlgorithmSpecification.ContainerEntrypoint: got nothing"),
        ("AlgorithmSpecification.MetricDefinitions", [{"Name": "a", "Regex": "a=("}], "that is no regular expression"),
        ("AlgorithmSpecification.MetricDefinitions", [{"Name": "a", "Regex": "a=.*"}], "Put it in parentheses"),
        ("InputDataConfig[0].DataSource.S3DataSource.S3Uri", "s3://bukket/x", "the bucket 'bukket' does not exist"),
        ("InputDataConfig[0].DataSource.S3DataSource.S3Uri", "https://bucket/x", "jobs read and write s3:// locations"),
        ("InputDataConfig[0].DataSource", {}, "InputDataConfig[0].DataSource.S3DataSource: got nothing"),
        ("InputDataConfig", [*TRAINING_JOB["InputDataConfig"]] * 2, "got 'train' more than once"),
        ("OutputDataConfig.S3OutputPath", "s3://bukket/x", "OutputDataConfig.S3OutputPath: got 's3://bukket/x'"),
        ("OutputDataConfig.KmsKeyId", "alias/none", "OutputDataConfig.KmsKeyId: got 'alias/none'"),
        ("ResourceConfig.VolumeKmsKeyId", "alias/none", "ResourceConfig.VolumeKmsKeyId: got 'alias/none'"),
        ("VpcConfig", {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
         "VpcConfig.Subnets[1]: got 'subnet-2', but there is no such subnet"),
        ("VpcConfig", {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-2"]}, "no such security group"),
        ("ResourceConfig.InstanceCount", 0, "ResourceConfig.InstanceCount: got 0"),
        ("ResourceConfig.InstanceCount", 17, "runs 1 to 16 hosts"),
        ("ResourceConfig.InstanceType", None, "ResourceConfig.InstanceType: got nothing"),
        ("ResourceConfig", None, "ResourceConfig.InstanceType: got nothing"),
        ("StoppingCondition.MaxWaitTimeInSeconds", 90, "it is for managed spot training only"),
        ("EnableManagedSpotTraining", True, "Invalid MaxWaitTimeInSeconds. It must be present"),
        ("CheckpointConfig", {"S3Uri": "s3://bukket/x"}, "CheckpointConfig.S3Uri"),
        ("TensorBoardOutputConfig", {"S3OutputPath": "s3://bukket/x"}, "TensorBoardOutputConfig.S3OutputPath"),
        ("ResourceConfig.InstanceGroups", [GROUP], "InstanceType: got 'ml.m5.large', but InstanceGroups"),
        ("ResourceConfig", {"InstanceGroups": [GROUP, GROUP]}, "groups have different names"),
        ("ResourceConfig", {"InstanceGroups": [{**GROUP, "InstanceCount": 17}]}, "runs 1 to 16 hosts"),
        ("ResourceConfig", {"InstanceGroups": [GROUP], "KeepAlivePeriodInSeconds": 60}, "warm pools do not go with"),
        ("ResourceConfig.InstancePreferences", [{"InstanceType": "ml.m5.large"}], "excludes ResourceConfig"),
        ("ResourceConfig", {"InstancePreferences": [{"InstanceType": "ml.m5.large"}]}, "got counts for some"),
        ("EnableNetworkIsolation", True, "Hosts are plain processes here"),
        ("InputDataConfig[0].ShuffleConfig", {"Seed": 1}, "Files have no order"),
        ("InputDataConfig[0].DataSource", {"FileSystemDataSource": SYSTEM}, "through its VPC only. Give a VpcConfig"),
        ("CheckpointConfig", {"S3Uri": "s3://bucket/x", "LocalPath": "/data"}, "must be a path below /opt/ml/"),
        ("CheckpointConfig", {"S3Uri": "s3://bucket/x", "LocalPath": "/opt/ml/../x"}, "must be a path below /opt/ml/"),
        ("HyperParameters", {"a": 1}, "Value '1' at 'HyperParameters.a' is int, but must be a string"),
    ],
)  # fmt: skip
def test_a_wrong_training_request_is_refused_by_field(service: Service, path: str, value: object, message: str) -> None:
    assert message in refusal(service, "CreateTrainingJob", change(TRAINING_JOB, path, value))
    assert service.call("ListTrainingJobs", {}, CALLER) == {"TrainingJobSummaries": []}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("RoleArn", f"{ROLE}2", "Could not assume role"),
        ("AppSpecification.ImageUri", "unknown", "no environment for the repository 'unknown'"),
        ("AppSpecification.ContainerEntrypoint", None, "AppSpecification.ContainerEntrypoint: got nothing"),
        ("ProcessingInputs[0].S3Input.LocalPath", "/data", "must be a path below /opt/ml/processing/"),
        ("ProcessingInputs[0].S3Input.LocalPath", None, "must be a path below /opt/ml/processing/"),
        ("ProcessingInputs[0].S3Input.S3Uri", "s3://bukket/x", "ProcessingInputs[0].S3Input.S3Uri"),
        ("ProcessingInputs[0].S3Input", None, "ProcessingInputs[0].S3Input: got nothing"),
        ("ProcessingOutputConfig.KmsKeyId", "alias/none", "ProcessingOutputConfig.KmsKeyId"),
        ("ProcessingOutputConfig.Outputs[0].S3Output.S3Uri", "s3://bukket/x", "Outputs[0].S3Output.S3Uri"),
        ("ProcessingResources.ClusterConfig.InstanceType", None, "ClusterConfig.InstanceType: got nothing"),
        ("ProcessingResources.ClusterConfig.InstanceCount", 99, "runs 1 to 16 hosts"),
        (
            "NetworkConfig",
            {"VpcConfig": {"Subnets": ["subnet-2"], "SecurityGroupIds": ["sg-1"]}},
            "VpcConfig.Subnets[0]",
        ),
    ],
)
def test_a_wrong_processing_request_is_refused_by_field(
    service: Service, path: str, value: object, message: str
) -> None:
    assert message in refusal(service, "CreateProcessingJob", change(PROCESSING_JOB, path, value))
    assert service.call("ListProcessingJobs", {}, CALLER) == {"ProcessingJobSummaries": []}


def test_a_name_is_taken_once(service: Service) -> None:
    for operation, request in (("CreateTrainingJob", TRAINING_JOB), ("CreateProcessingJob", PROCESSING_JOB)):
        service.call(operation, request, CALLER)
        with pytest.raises(ServiceError, match=r"ResourceInUse.*already exists"):
            service.call(operation, request, CALLER)
    service.stop()


@pytest.mark.parametrize("kind", ["Training", "Processing"])
def test_a_job_that_does_not_exist(service: Service, kind: str) -> None:
    for verb in ("Describe", "Stop"):
        message = refusal(service, f"{verb}{kind}Job", {f"{kind}JobName": "none"})
        assert message.startswith("Requested resource not found")
        assert "'none'" in message


def test_a_description_begins_with_the_defaults_of_the_service(service: Service) -> None:
    service.call("CreateTrainingJob", change(TRAINING_JOB, "StoppingCondition", None), CALLER)
    job = service.call("DescribeTrainingJob", {"TrainingJobName": "job"}, CALLER)
    service.stop()
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert job["OutputDataConfig"]["CompressionType"] == "GZIP"
    assert job["EnableManagedSpotTraining"] is False
    assert job["InputDataConfig"] == TRAINING_JOB["InputDataConfig"]
    assert not [name for name in job if name.startswith("_")]


def test_a_role_that_cannot_be_assumed_later_fails_the_job(service: Service) -> None:
    service.call("CreateTrainingJob", TRAINING_JOB, CALLER)
    service.families[0]._threads._running["job"][1].join(10)
    job = service.call("DescribeTrainingJob", {"TrainingJobName": "job"}, CALLER)
    assert (job["TrainingJobStatus"], job["FailureReason"]) == ("Failed", "ClientError: no sessions here")


def test_tags_of_a_job(service: Service) -> None:
    service.call("CreateTrainingJob", {**TRAINING_JOB, "Tags": [{"Key": "a", "Value": "1"}]}, CALLER)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/job"
    added = service.call(
        "AddTags", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]}, CALLER
    )
    assert added == {"Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]}
    service.call("DeleteTags", {"ResourceArn": arn, "TagKeys": ["a", "none"]}, CALLER)
    assert service.call("ListTags", {"ResourceArn": arn}, CALLER) == {"Tags": [{"Key": "b", "Value": ""}]}
    many = [{"Key": str(index), "Value": ""} for index in range(50)]
    assert "a resource can have 50" in refusal(service, "AddTags", {"ResourceArn": arn, "Tags": many})
    assert "there is no such resource" in refusal(service, "ListTags", {"ResourceArn": f"{arn}2"})
    service.stop()
