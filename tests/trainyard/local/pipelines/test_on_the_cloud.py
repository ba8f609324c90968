"""Pipelines on the real daemon: jobs are tiny scripts, permissions are enforced, clients are boto3 and the SDK."""

import json
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from trainyard.local.cloud import ACCOUNT, REGION

from ..conftest import new_client, policy  # noqa: TID252 - tests are no package

pytestmark = pytest.mark.slow

BASE = "b=${SAGEMAKER_BASE_DIR:-/opt/ml}; "
TRAINING_IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:2.13-cpu"
EVALUATION = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "bits"}}
SLEEPS = "trap 'exit 0' TERM; sleep 100 & wait"
JOBS = [
    f"sagemaker:{verb}{kind}" for kind in ("TrainingJob", "ProcessingJob") for verb in ("Create", "Describe", "Stop")
]


def allow(*actions, resource="*"):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


class Yard:
    """A pipeline role, a job role and a bucket, and steps made of shell scripts."""

    def __init__(self, client, role, bucket, *, actions=(*JOBS, "iam:PassRole"), readable="*"):
        self.sagemaker = client("sagemaker")
        self.s3 = client("s3")
        self.bucket = bucket
        self.job_role = role(allow("s3:*", "logs:*", "cloudwatch:PutMetricData"))
        registry = ("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage")
        self.role = role(allow(*actions, *registry), allow("s3:GetObject", resource=readable))

    def training(self, name, script, **fields):
        return {
            "Name": name,
            "Type": "Training",
            "Arguments": {
                "AlgorithmSpecification": {
                    "TrainingImage": TRAINING_IMAGE,
                    "TrainingInputMode": "File",
                    "ContainerEntrypoint": ["bash", "-c", BASE + script],
                },
                "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/models"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                "StoppingCondition": {"MaxRuntimeInSeconds": 120},
                "RoleArn": self.job_role,
            },
            **fields,
        }

    def evaluation(self, script):
        model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
        return {
            "Name": "Evaluate",
            "Type": "Processing",
            "Arguments": {
                "AppSpecification": {
                    "ImageUri": TRAINING_IMAGE,
                    "ContainerEntrypoint": ["bash", "-c", BASE + script],
                },
                "ProcessingInputs": [
                    {
                        "InputName": "model",
                        "S3Input": {
                            "S3Uri": model,
                            "LocalPath": "/opt/ml/processing/input/model",
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                        },
                    }
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": "evaluation",
                            "S3Output": {
                                "S3Uri": {
                                    "Std:Join": {
                                        "On": "/",
                                        "Values": [
                                            f"s3://{self.bucket}/evaluation",
                                            {"Get": "Execution.PipelineExecutionId"},
                                        ],
                                    }
                                },
                                "LocalPath": "/opt/ml/processing/output/evaluation",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
                },
                "RoleArn": self.job_role,
            },
            "PropertyFiles": [
                {"PropertyFileName": "Evaluation", "OutputName": "evaluation", "FilePath": "evaluation.json"}
            ],
        }

    def whole(self, group):
        """Train, evaluate, and register only what is good enough."""
        register = {
            "Name": "Register",
            "Type": "RegisterModel",
            "Arguments": {
                "ModelPackageGroupName": group,
                "InferenceSpecification": {
                    "Containers": [
                        {
                            "Image": TRAINING_IMAGE,
                            "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                        }
                    ]
                },
            },
        }
        message = {"Std:Join": {"On": " ", "Values": ["bits per byte", EVALUATION, "are too many"]}}
        compare = {"Type": "LessThan", "LeftValue": EVALUATION, "RightValue": {"Get": "Parameters.Threshold"}}
        return [
            self.training("Train", "mkdir -p $b/model; echo weights > $b/model/weights"),
            self.evaluation(
                "cd $b/processing; tar -xzf input/model/model.tar.gz; grep -q weights weights; "
                "echo '{\"bits\": 4.25}' > output/evaluation/evaluation.json"
            ),
            {
                "Name": "Beats",
                "Type": "Condition",
                "Arguments": {
                    "Conditions": [compare],
                    "IfSteps": [register],
                    "ElseSteps": [{"Name": "Reject", "Type": "Fail", "Arguments": {"ErrorMessage": message}}],
                },
            },
        ]

    def create(self, *steps, parameters=()):
        name = f"flow-{uuid.uuid4().hex[:8]}"
        definition = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}
        self.sagemaker.create_pipeline(PipelineName=name, RoleArn=self.role, PipelineDefinition=json.dumps(definition))
        return name

    def start(self, name, **parameters):
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        started = self.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)
        return started["PipelineExecutionArn"]

    def ended(self, arn):
        return eventually(lambda: self._ended(arn))

    def steps(self, arn):
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in listed}

    def running(self, arn, step):
        """Waits until the container of a training step runs, and returns the job's name."""

        def trains():
            arn_of_job = self.steps(arn).get(step, {}).get("Metadata", {}).get("TrainingJob", {}).get("Arn", "")
            name = arn_of_job.rsplit("/", 1)[-1]
            described = name and self.sagemaker.describe_training_job(TrainingJobName=name)
            return name if described and described["SecondaryStatus"] == "Training" else None

        return eventually(trains)

    def _ended(self, arn):
        found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found if found["PipelineExecutionStatus"] not in ("Executing", "Stopping") else None


def eventually(look, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"it did not happen within {seconds} s")


@pytest.fixture
def yard(client, role, bucket):
    return Yard(client, role, bucket)


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


@pytest.fixture
def sdk(cloud, monkeypatch):
    """The resource classes of the SageMaker SDK, pointed at the cloud."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return pytest.importorskip("sagemaker.core.resources", reason="the SageMaker SDK is not installed")


def test_the_sagemaker_sdk_drives_the_whole_way(sdk, yard):
    group = sdk.ModelPackageGroup.create(model_package_group_name=f"models-{uuid.uuid4().hex[:8]}")
    assert group.model_package_group_status == "Completed"
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Threshold", "Type": "Float", "DefaultValue": 4.5}],
        "Steps": yard.whole(group.model_package_group_name),
    }
    pipeline = sdk.Pipeline.create(
        pipeline_name=f"flow-{uuid.uuid4().hex[:8]}",
        client_request_token=uuid.uuid4().hex,
        role_arn=yard.role,
        pipeline_definition=json.dumps(definition),
    )
    assert pipeline.pipeline_status == "Active"
    started = yard.start(pipeline.pipeline_name, Threshold="5")
    execution = sdk.PipelineExecution.get(pipeline_execution_arn=started)
    execution.wait_for_status("Succeeded", poll=1, timeout=60)
    steps = {step.step_name: step for step in execution.get_all_steps()}
    assert {name: step.step_status for name, step in steps.items()} == dict.fromkeys(
        ("Train", "Evaluate", "Beats", "Register"), "Succeeded"
    )
    assert [(given.name, given.value) for given in execution.get_all_parameters()] == [("Threshold", "5")]
    assert [item.pipeline_execution_arn for item in sdk.PipelineExecution.get_all(pipeline.pipeline_name)] == [started]

    # Updating and listing versions fails inside SDK 3.27, against AWS too: it expects them to have a ModelPackageName.
    arn = steps["Register"].metadata.register_model.arn
    yard.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    package = sdk.ModelPackage.get(model_package_name=arn)
    assert (package.model_package_version, package.model_approval_status) == (1, "Approved")
    assert package.model_package_status == "Completed"
    with pytest.raises(Exception, match="holds 1 model package"):
        group.delete()
    pipeline.delete(client_request_token=uuid.uuid4().hex)
    with pytest.raises(Exception, match="does not exist"):
        pipeline.refresh()


def test_a_definition_that_the_sdk_wrote_is_run(sdk, yard):
    from sagemaker.core.workflow.conditions import ConditionEquals, ConditionIn, ConditionNot, ConditionOr
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join
    from sagemaker.core.workflow.parameters import ParameterInteger, ParameterString
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline

    number = ParameterInteger(name="Number", default_value=2)
    color = ParameterString(name="Color", default_value="red", enum_values=["red", "blue"])
    condition = ConditionStep(
        name="Check",
        conditions=[
            ConditionNot(ConditionEquals(left=number, right=3)),
            ConditionOr([ConditionIn(value=color, in_values=["red"]), ConditionEquals(left=number, right=7)]),
        ],
    )
    message = Join(on=" ", values=[number, color, condition.properties.Outcome, ExecutionVariables.PIPELINE_NAME])
    fail = FailStep(name="Stop", error_message=message, depends_on=[condition])
    pipeline = Pipeline(name=f"flow-{uuid.uuid4().hex[:8]}", parameters=[number, color], steps=[condition, fail])
    assert pipeline.upsert(role_arn=yard.role)["PipelineArn"] == pipeline.upsert(role_arn=yard.role)["PipelineArn"]
    execution = pipeline.start(parameters={"Color": "blue", "Number": 7})
    assert yard.ended(execution.arn)["FailureReason"].endswith(f"Stop: 7 blue true {pipeline.name}")
    assert execution.list_steps()[0]["Metadata"]["Fail"]["ErrorMessage"] == f"7 blue true {pipeline.name}"
