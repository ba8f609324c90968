"""A pipeline role, a job role and a bucket on the real daemon, and steps made of shell scripts."""

import json
import time
import uuid

from ml_contract.images import PYTORCH_TRAINING_CPU, image_uri
from trainyard.local.cloud import REGION

BASE = "b=${SAGEMAKER_BASE_DIR:-/opt/ml}; "
TRAINING_IMAGE = image_uri(PYTORCH_TRAINING_CPU, REGION)
EVALUATION = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "bits"}}
SLEEPS = "trap 'kill $!; exit 0' TERM; sleep 100 & wait"
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
