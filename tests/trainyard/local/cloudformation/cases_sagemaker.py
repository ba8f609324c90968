"""Pipelines, packages, models, clusters."""

from __future__ import annotations

import json
from typing import Any

from .cases import RETAGGED, TAGS, Case, att, policy, trust

CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/aaaaaaaaaaa"
BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"
JOBS = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com")}}


def definition(message: str) -> dict:
    """A pipeline of one step."""
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return {"PipelineDefinitionBody": json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]})}


def model() -> dict:
    """A model; the bucket beside it holds its data."""
    data = {"Fn::Sub": "s3://${Bucket}/model.tar.gz"}
    return {
        "ExecutionRoleArn": att("Jobs", "Arn"),
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": data, "Environment": {"LEVEL": "1"}},
    }


def variant(**more: Any) -> dict:
    return {
        "VariantName": "live",
        "ModelName": att("Model", "ModelName"),
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": "1",
        **more,
    }


MODEL = {"Type": "AWS::SageMaker::Model", "Properties": model()}

CASES = [
    Case(
        "AWS::SageMaker::Pipeline",
        {
            "PipelineName": "it",
            "PipelineDescription": "stops",
            "PipelineDefinition": definition("one"),
            "RoleArn": att("Jobs", "Arn"),
            "ParallelismConfiguration": {"MaxParallelExecutionSteps": "2"},
            "Tags": TAGS,
        },
        {"Jobs": JOBS},
        update={
            "PipelineDefinition": definition("two"),
            "PipelineDescription": "stops at once",
            "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3},
            "Tags": RETAGGED,
        },
        replace={"PipelineName": "it-too"},
        wrong={"RoleArn": "arn:aws:iam::123456789012:role/not-there"},
        wrong_says="not-there",
    ),
    Case(
        "AWS::SageMaker::ModelPackageGroup",
        {"ModelPackageGroupName": "it", "ModelPackageGroupDescription": "models", "Tags": TAGS},
        update={"Tags": RETAGGED},
        replace={"ModelPackageGroupName": "it-too"},
        refused={"ModelPackageGroupPolicy": policy("sagemaker:*")},
        refused_path="ModelPackageGroupPolicy",
        wrong={"ModelPackageGroupName": "not a name"},
        wrong_says="not a name",
    ),
    Case(
        "AWS::SageMaker::ClusterSchedulerConfig",
        {
            "Name": "it",
            "ClusterArn": f"{CLUSTER}0",
            "SchedulerConfig": {"FairShare": "Enabled", "PriorityClasses": [{"Name": "inference", "Weight": "90"}]},
            "Tags": TAGS,
        },
        update={"SchedulerConfig": {"FairShare": "Disabled"}, "Description": "none borrows", "Tags": RETAGGED},
        replace={"Name": "it-too"},
        wrong={"ClusterArn": "arn:aws:sagemaker:us-east-1:111111111111:cluster/aaaaaaaaaaa0"},
        wrong_says="not in this account",
    ),
    Case(
        "AWS::SageMaker::Model",
        {**model(), "EnableNetworkIsolation": "false", "Tags": TAGS},
        {"Jobs": JOBS, "Bucket": BUCKET},
        update={"Tags": RETAGGED},
        replace={"EnableNetworkIsolation": True},
        wrong={"ExecutionRoleArn": "arn:aws:iam::123456789012:role/not-there"},
        wrong_says="not-there",
    ),
    Case(
        "AWS::SageMaker::EndpointConfig",
        {"ProductionVariants": [variant(InitialVariantWeight="0.5")], "Tags": TAGS},
        {"Jobs": JOBS, "Bucket": BUCKET, "Model": MODEL},
        update={"Tags": RETAGGED},
        replace={"ProductionVariants": [variant(InitialInstanceCount=2)]},
        refused={"ProductionVariants": [variant(InferenceAmiVersion="al2-ami-sagemaker-inference-gpu-2")]},
        refused_path="ProductionVariants.InferenceAmiVersion",
        wrong={"ProductionVariants": [variant(ModelName="not-there")]},
        wrong_says="not-there",
    ),
]
