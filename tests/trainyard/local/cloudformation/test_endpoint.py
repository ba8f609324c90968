"""An endpoint through CloudFormation: in service when its stack is, new models without a gap, honest failures."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"
CONFIG = """
name: "plus"
backend: "python"
max_batch_size: 0
input [ { name: "x" data_type: TYPE_INT64 dims: [ -1 ] } ]
output [ { name: "y" data_type: TYPE_INT64 dims: [ -1 ] } ]
"""
MODEL = """
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            x = pb.get_input_tensor_by_name(request, "x").as_numpy()
            answers.append(pb.InferenceResponse([pb.Tensor("y", x + NUMBER)]))
        return answers
"""


ALARM = {
    "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}  # fmt: skip
POLICY = {
    "PolicyName": "requests",
    "PolicyType": "TargetTrackingScaling",
    "ScalingTargetId": {"Ref": "Target"},
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": "100",
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 60,
    },
}


def archive(number: int) -> bytes:
    """model.tar.gz: a Triton repository whose one model adds a number."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in (
            ("plus/config.pbtxt", CONFIG),
            ("plus/1/model.py", MODEL.replace("NUMBER", str(number))),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def template(bucket: str, key: str) -> dict:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    rights = [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "logs:*", "cloudwatch:Describe*"],
               "Resource": "*"}]  # fmt: skip
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Policies": [{"PolicyName": "read", "PolicyDocument": {"Version": "2012-10-17", "Statement": rights}}],
    }
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{key}"}
    variant = {
        "VariantName": "live",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
        "ContainerStartupHealthCheckTimeoutInSeconds": 60,
    }
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "PrimaryContainer": container},
            },
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": ALARM},
            "It": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    "DeploymentConfig": {
                        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": {"Ref": "Alarm"}}]},
                        "BlueGreenUpdatePolicy": {
                            "TrafficRoutingConfiguration": {
                                "Type": "CANARY",
                                "WaitIntervalInSeconds": 0,
                                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                            },
                            "TerminationWaitInSeconds": "0",
                        },
                    },
                    "RetainAllVariantProperties": True,
                },
            },
            "Target": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "ServiceNamespace": "sagemaker",
                    "ResourceId": {"Fn::Sub": "endpoint/${It.EndpointName}/variant/live"},
                    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                    "MinCapacity": 1,
                    "MaxCapacity": "2",
                    "ScheduledActions": [
                        {
                            "ScheduledActionName": "morning",
                            "Schedule": "cron(0 8 * * ? *)",
                            "Timezone": "Europe/Berlin",
                            "StartTime": "2030-01-01T00:00:00Z",
                            "ScalableTargetAction": {"MinCapacity": 2},
                        }
                    ],
                },
            },
            "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": POLICY},
        },
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["It", "EndpointName"]}}, "Arn": {"Value": {"Ref": "It"}}},
    }


def ask(client: Any, endpoint: str) -> list[int]:
    row = {"name": "x", "datatype": "INT64", "shape": [2], "data": [1, 2]}
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps({"inputs": [row]})
    )
    return list(json.loads(answer["Body"].read())["outputs"][0]["data"])


@pytest.mark.slow
def test_it_serves_when_the_stack_is_complete_and_the_new_model_after_an_update(
    stack: Any, client: Any, bucket: str, failed: Any
) -> None:
    for number in (10, 20):
        client("s3").put_object(Bucket=bucket, Key=f"{number}.tar.gz", Body=archive(number))
    outputs = stack.deploy(template(bucket, "10.tar.gz"))
    assert outputs["Arn"].endswith(f":endpoint/{outputs['Name']}")
    assert ask(client, outputs["Name"]) == [11, 12]
    assert stack.read_back().ok
    before = {name: stack.physical_id(name) for name in ("Model", "Config", "It")}

    assert stack.deploy(template(bucket, "20.tar.gz")) == outputs
    assert ask(client, outputs["Name"]) == [21, 22]
    assert stack.read_back().ok
    after = {name: stack.physical_id(name) for name in ("Model", "Config", "It")}
    assert after["It"] == before["It"]
    assert after["Model"] != before["Model"]
    assert after["Config"] != before["Config"]
    # What was replaced is gone, though the endpoint used it until its own update.
    configs = [row["EndpointConfigArn"] for row in client("sagemaker").list_endpoint_configs()["EndpointConfigs"]]
    assert before["Config"] not in configs

    with pytest.raises(failed, match=r"UPDATE_ROLLBACK_COMPLETE: It \(AWS::SageMaker::Endpoint\): .*missing\.tar\.gz"):
        stack.deploy(template(bucket, "missing.tar.gz"))
    assert ask(client, outputs["Name"]) == [21, 22]
    assert stack.read_back(template(bucket, "20.tar.gz")).ok
    assert {name: stack.physical_id(name) for name in after} == after

    scaling = client("application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert found[0]["ResourceId"] == f"endpoint/{outputs['Name']}/variant/live"
    stack.delete()
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"] == []
    assert outputs["Name"] not in [row["EndpointName"] for row in client("sagemaker").list_endpoints()["Endpoints"]]


@pytest.mark.slow
def test_an_endpoint_that_does_not_start_fails_the_deploy_with_its_reason(
    stack: Any, client: Any, bucket: str, failed: Any
) -> None:
    with pytest.raises(failed, match=r"It \(AWS::SageMaker::Endpoint\): .*missing\.tar\.gz"):
        stack.deploy(template(bucket, "missing.tar.gz"))
    assert client("sagemaker").list_endpoints(NameContains=stack.name)["Endpoints"] == []


@pytest.mark.slow
def test_an_inference_component_on_instances_without_a_model(stack: Any, client: Any, bucket: str, failed: Any) -> None:
    client("s3").put_object(Bucket=bucket, Key="10.tar.gz", Body=archive(10))
    wanted = template(bucket, "10.tar.gz")
    resources = wanted["Resources"]
    for name in ("Alarm", "Target", "Policy"):
        del resources[name]
    managed = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    variant = {"VariantName": "live", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1,
               "ManagedInstanceScaling": managed, "RoutingConfig": {"RoutingStrategy": "RANDOM"}}  # fmt: skip
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    resources["Config"]["Properties"] = {"ProductionVariants": [variant], "ExecutionRoleArn": role}
    resources["It"]["Properties"] = {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}}
    specification = {
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": "1024"},
    }
    resources["Component"] = {
        "Type": "AWS::SageMaker::InferenceComponent",
        "Properties": {
            "InferenceComponentName": stack.name,
            "EndpointName": {"Fn::GetAtt": ["It", "EndpointName"]},
            "VariantName": "live",
            "Specification": specification,
            "RuntimeConfig": {"CopyCount": 1},
        },
    }
    outputs = stack.deploy(wanted)
    row = {"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName=outputs["Name"], InferenceComponentName=stack.name, Body=json.dumps({"inputs": [row]})
    )
    assert json.loads(answer["Body"].read())["outputs"][0]["data"] == [11]
    assert stack.read_back().ok

    resources["Component"]["Properties"]["RuntimeConfig"]["CopyCount"] = 0
    stack.deploy(wanted)
    assert stack.read_back().ok
    found = client("sagemaker").describe_inference_component(InferenceComponentName=stack.name)
    assert found["RuntimeConfig"] == {"DesiredCopyCount": 0, "CurrentCopyCount": 0}

    specification["ComputeResourceRequirements"]["NumberOfCpuCoresRequired"] = 64
    with pytest.raises(failed, match=r"NumberOfCpuCoresRequired: got 64, but ml\.m5\.xlarge has 4"):
        stack.deploy(wanted)
