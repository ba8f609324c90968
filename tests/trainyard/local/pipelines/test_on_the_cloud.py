"""Pipelines on the real daemon: jobs are tiny scripts, permissions are enforced, the client is boto3."""

import tempfile
import uuid
from pathlib import Path

import pytest

from trainyard.local.cloud import ACCOUNT

from ..conftest import new_client, policy
from .yard import JOBS, SLEEPS, Yard, eventually

pytestmark = pytest.mark.slow


def test_the_whole_way_with_the_condition_both_ways(yard):
    group = f"models-{uuid.uuid4().hex[:8]}"
    yard.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    name = yard.create(*yard.whole(group), parameters=[{"Name": "Threshold", "Type": "Float", "DefaultValue": 4.5}])
    good, bad = yard.start(name), yard.start(name, Threshold="4.0")

    assert yard.ended(good)["PipelineExecutionStatus"] == "Succeeded"
    package = yard.sagemaker.describe_model_package(
        ModelPackageName=yard.steps(good)["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    url = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert url.startswith(f"s3://{yard.bucket}/models/pipelines-{good.rsplit('/', 1)[-1]}-Train-")
    assert package["ModelPackageStatus"] == "Completed"
    assert package["ModelPackageVersion"] == 1

    rejected = yard.ended(bad)
    assert rejected["PipelineExecutionStatus"] == "Failed"
    assert rejected["FailureReason"].endswith("Reject: bits per byte 4.25 are too many")
    assert list(yard.steps(bad)) == ["Reject", "Beats", "Evaluate", "Train"]


def test_lost_capacity_is_retried_as_a_new_job(cloud, yard):
    policy = {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "IntervalSeconds": 0, "MaxAttempts": 1}
    arn = yard.start(yard.create(yard.training("Train", SLEEPS, RetryPolicies=[policy])))
    first = yard.running(arn, "Train")
    cloud.call("InjectFault", Kind="SpotReclaim", TrainingJobName=first)
    eventually(lambda: yard.steps(arn)["Train"]["AttemptCount"] == 2)
    second = yard.running(arn, "Train")
    assert second != first
    assert yard.sagemaker.describe_training_job(TrainingJobName=first)["FailureReason"].startswith("CapacityError")
    cloud.call("InjectFault", Kind="SpotReclaim", TrainingJobName=second)
    assert "CapacityError" in yard.ended(arn)["FailureReason"]


def test_a_failed_job_fails_the_execution_with_its_own_reason(yard):
    name = yard.create(
        yard.training("Train", "mkdir -p $b/output; echo no memory left > $b/output/failure; exit 3"),
        yard.training("After", "true", DependsOn=["Train"]),
    )
    arn = yard.start(name)
    assert "no memory left" in yard.ended(arn)["FailureReason"]
    assert list(yard.steps(arn)) == ["Train"]


@pytest.mark.parametrize("missing", ["sagemaker:CreateTrainingJob", "iam:PassRole", "sagemaker:DescribeTrainingJob"])
def test_a_role_without_a_permission_is_denied_by_name(client, role, bucket, missing):
    yard = Yard(client, role, bucket, actions=[action for action in (*JOBS, "iam:PassRole") if action != missing])
    arn = yard.start(yard.create(yard.training("Train", "true")))
    reason = yard.ended(arn)["FailureReason"]
    assert f"not authorized to perform: {missing} on resource: arn:aws:" in reason
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/{yard.role.rsplit('/', 1)[-1]}/SageMaker" in reason


def test_a_role_that_cannot_read_the_model_does_not_register_it(client, role, bucket):
    yard = Yard(client, role, bucket, readable=f"arn:aws:s3:::{bucket}/evaluation/*")
    group = f"models-{uuid.uuid4().hex[:8]}"
    yard.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    name = yard.create(*yard.whole(group), parameters=[{"Name": "Threshold", "Type": "Float", "DefaultValue": 4.5}])
    arn = yard.start(name)
    assert (
        "Register: InferenceSpecification.Containers[0].ModelDataUrl: Cannot find S3 object: models/"
        in (yard.ended(arn)["FailureReason"])
    )


def test_stop_ends_the_running_job(yard):
    arn = yard.start(yard.create(yard.training("Train", SLEEPS)))
    job = yard.running(arn, "Train")
    yard.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert yard.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    assert yard.steps(arn)["Train"]["StepStatus"] == "Stopped"
    assert yard.sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"] == "Stopped"


def test_executions_go_on_when_the_cloud_comes_back(new_cloud):
    cloud = new_cloud("--grace-seconds", "5")
    cloud.up()

    def client(service):
        return new_client(cloud, service)

    def role(*statements):
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        name = f"role-{uuid.uuid4().hex[:8]}"
        made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
        client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        return made["Role"]["Arn"]

    client("s3").create_bucket(Bucket="artifacts")
    yard = Yard(client, role, "artifacts")
    # An entrypoint's word has 256 characters at most, and the folders of parallel tests have long names.
    short = tempfile.TemporaryDirectory(prefix="ty-")
    mark = Path(short.name) / "once"
    script = f"[ -e {mark} ] && exit 0; touch {mark}; {SLEEPS}"
    retried = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 0, "MaxAttempts": 1}
    steps = [
        yard.training("Train", script, RetryPolicies=[retried]),
        yard.training("After", "true", DependsOn=["Train"]),
    ]
    again = yard.start(yard.create(*steps))
    lost = yard.start(yard.create(yard.training("Train", SLEEPS)))
    yard.running(again, "Train")
    yard.running(lost, "Train")
    cloud.down()
    cloud.up()
    assert yard.ended(again)["PipelineExecutionStatus"] == "Succeeded"
    assert {name: step["AttemptCount"] for name, step in yard.steps(again).items()} == {"After": 1, "Train": 2}
    assert "InternalServerError" in yard.ended(lost)["FailureReason"]
