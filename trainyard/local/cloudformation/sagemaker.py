"""SageMaker pipelines and the registry's groups."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties
from trainyard.local.cloudformation.sagemaker_base import SageMaker


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


TYPES: tuple[type[SageMaker], ...] = (Pipeline, ModelPackageGroup)
