"""The SageMaker types."""
# ruff: noqa: ARG002  (handlers keep the signature of the base class)

import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request
from trainyard.local.cloudformation.sagemaker_base import SageMaker

_VPC = {"SecurityGroupIds": ALL, "Subnets": ALL}
_CONTAINER = {
    "ContainerHostname": ALL,
    "Environment": ALL,
    "Image": ALL,
    "Mode": ALL,
    "ModelDataUrl": ALL,
    "ModelPackageName": ALL,
}

READY_WITHIN_S = 1800
"""Longest wait for an endpoint to come into service, in seconds."""


class Pipeline(SageMaker):
    type = "AWS::SageMaker::Pipeline"
    noun = "Pipeline"
    reference = "name"
    custom_name = "PipelineName"
    applied: ClassVar[Mapping[str, Any]] = {
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": ALL},
        "PipelineDefinition": {
            "PipelineDefinitionBody": ALL,
            "PipelineDefinitionS3Location": {"Bucket": ALL, "ETag": ALL, "Key": ALL, "Version": ALL},
        },
        "PipelineDescription": ALL,
        "PipelineDisplayName": ALL,
        "PipelineName": ALL,
        "RoleArn": ALL,
        "Tags": TAGS,
    }
    updatable = (
        "ParallelismConfiguration",
        "PipelineDefinition",
        "PipelineDescription",
        "PipelineDisplayName",
        "RoleArn",
    )

    def parameters(self, properties: Properties) -> dict[str, Any]:
        made = dict(properties)
        definition = made.get("PipelineDefinition")
        if isinstance(definition, dict) and len(definition) != 1:
            raise CallError(
                "PipelineDefinition: it holds PipelineDefinitionBody or PipelineDefinitionS3Location", "Validation"
            )
        if isinstance(definition, dict):
            made["PipelineDefinition"] = self._body(definition)
        return made

    @staticmethod
    def _body(definition: dict[str, Any]) -> str:
        if "PipelineDefinitionBody" in definition:
            body = definition["PipelineDefinitionBody"]
            return body if isinstance(body, str) else json.dumps(body)
        where = definition["PipelineDefinitionS3Location"]
        found = call("s3", "GetObject", Bucket=where["Bucket"], Key=where["Key"], VersionId=where.get("Version"))
        if where.get("ETag", found["ETag"]).strip('"') != found["ETag"].strip('"'):
            raise CallError(f"ETag: {where['Key']} has {found['ETag']}, not {where['ETag']}", "Validation")
        return str(found["Body"].read().decode())


class ModelPackageGroup(SageMaker):
    type = "AWS::SageMaker::ModelPackageGroup"
    noun = "ModelPackageGroup"
    custom_name = "ModelPackageGroupName"
    applied: ClassVar[Mapping[str, Any]] = {
        "ModelPackageGroupDescription": ALL,
        "ModelPackageGroupName": ALL,
        "Tags": TAGS,
    }

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self.describe(self.name_of(identity))
        return {
            "CreationTime": str(found["CreationTime"]),
            "ModelPackageGroupArn": identity,
            "ModelPackageGroupStatus": found["ModelPackageGroupStatus"],
        }


class Model(SageMaker):
    type = "AWS::SageMaker::Model"
    noun = "Model"
    custom_name = "ModelName"
    applied: ClassVar[Mapping[str, Any]] = {
        "Containers": _CONTAINER,
        "EnableNetworkIsolation": ALL,
        "ExecutionRoleArn": ALL,
        "ModelName": ALL,
        "PrimaryContainer": _CONTAINER,
        "Tags": TAGS,
        "VpcConfig": _VPC,
    }


class EndpointConfig(SageMaker):
    type = "AWS::SageMaker::EndpointConfig"
    noun = "EndpointConfig"
    custom_name = "EndpointConfigName"
    applied: ClassVar[Mapping[str, Any]] = {
        "EndpointConfigName": ALL,
        "KmsKeyId": ALL,
        "ProductionVariants": {
            "ContainerStartupHealthCheckTimeoutInSeconds": ALL,
            "InitialInstanceCount": ALL,
            "InitialVariantWeight": ALL,
            "InstanceType": ALL,
            "ModelDataDownloadTimeoutInSeconds": ALL,
            "ModelName": ALL,
            "VariantName": ALL,
            "VolumeSizeInGB": ALL,
        },
        "Tags": TAGS,
    }


class Endpoint(SageMaker):
    type = "AWS::SageMaker::Endpoint"
    noun = "Endpoint"
    custom_name = "EndpointName"
    slow = True
    updatable = ("EndpointConfigName",)
    applied: ClassVar[Mapping[str, Any]] = {"EndpointConfigName": ALL, "EndpointName": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        identity = super().make(request)
        try:
            self._wait(identity)
        except CallError:
            self.remove(identity, request.properties)
            raise
        return identity

    def update(self, identity: str, change: dict[str, Any]) -> None:
        if self.describe(self.name_of(identity))["EndpointConfigName"] == change["EndpointConfigName"]:
            return  # put back after an update that failed: the service has kept its configuration by itself
        super().update(identity, change)
        self._wait(identity)
        # A failed update leaves the endpoint in service with its old configuration.
        current = self.describe(self.name_of(identity))
        if current["EndpointConfigName"] != change["EndpointConfigName"]:
            reason = current.get("FailureReason", "the endpoint kept its configuration")
            raise CallError(f"the update to {change['EndpointConfigName']} failed: {reason}", "UpdateFailed")

    def _wait(self, identity: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            found = self.describe(self.name_of(identity))
            if found["EndpointStatus"] == "InService":
                return
            if found["EndpointStatus"] in ("Failed", "OutOfService", "UpdateRollbackFailed"):
                raise CallError(
                    f"the endpoint did not start: {found.get('FailureReason', 'no reason given')}", "Failed"
                )
            time.sleep(0.2)
        raise CallError(f"the endpoint was not in service within {READY_WITHIN_S} s", "NotStabilized")

    def remove(self, identity: str, properties: Properties) -> None:
        super().remove(identity, properties)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                self.describe(self.name_of(identity))
            except CallError:
                return
            time.sleep(0.2)
        raise CallError(f"the endpoint was not deleted within {READY_WITHIN_S} s", "NotStabilized")


TYPES: tuple[type[SageMaker], ...] = (Pipeline, ModelPackageGroup, Model, EndpointConfig, Endpoint)
