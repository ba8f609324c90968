"""Readers of SageMaker: their Describe operations answer in the words of the template."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, tags


def _describe(noun: str, deployed: Deployed) -> dict[str, Any]:
    operation = "describe_" + "".join(f"_{c.lower()}" if c.isupper() else c for c in noun).lstrip("_")
    name = deployed.physical_id.rpartition("/")[2]
    return deployed.call("sagemaker", operation, **{f"{noun}Name": name})


def _reader(noun: str, *names: str, defaults: dict[str, Any] | None = None, given: tuple[str, ...] = ()) -> Reader:
    """A reader of one type.

    Args:
        noun: The word in the operations' names.
        names: Properties that Describe… answers under the same name.
        defaults: What they are when the template does not give them.
        given: Names that CloudFormation chooses when the template does not.
    """

    def read(deployed: Deployed) -> dict[str, Any]:
        found = _describe(noun, deployed)
        arn = found[f"{noun}Arn"]
        pages = deployed.clients.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        labels = [row for page in pages for row in page["Tags"]]
        return {**{name: found[name] for name in (*names, *given) if name in found}, "Tags": tags(labels)}

    def attribute(deployed: Deployed, name: str) -> Any:
        return _describe(noun, deployed).get(name)

    return Reader(read=read, attribute=attribute, defaults=defaults or {}, chosen=frozenset(given))


def _pipeline() -> Reader:
    plain = _reader("Pipeline", "PipelineName", "PipelineDescription", "PipelineDisplayName", "RoleArn")

    def read(deployed: Deployed) -> dict[str, Any]:
        described = _describe("Pipeline", deployed)
        found = plain.read(deployed)
        # However the template gave the definition, the service keeps and answers its text.
        if "PipelineDefinitionBody" in deployed.properties.get("PipelineDefinition", {}):
            found["PipelineDefinition"] = {"PipelineDefinitionBody": described["PipelineDefinition"]}
        if "ParallelismConfiguration" in described:
            found["ParallelismConfiguration"] = described["ParallelismConfiguration"]
        return found

    return Reader(
        read=read, attribute=plain.attribute, chosen=frozenset({"PipelineDisplayName", "PipelineDescription"})
    )


def _endpoint() -> Reader:
    plain = _reader("Endpoint", "EndpointConfigName", given=("EndpointName",))
    how = "it says how an update goes; the service does not keep it"

    def read(deployed: Deployed) -> dict[str, Any]:
        described = _describe("Endpoint", deployed)
        found = plain.read(deployed)
        if "LastDeploymentConfig" in described:
            found["DeploymentConfig"] = described["LastDeploymentConfig"]
        return found

    return Reader(
        read=read,
        attribute=plain.attribute,
        chosen=plain.chosen | {"DeploymentConfig"},
        unread=dict.fromkeys(
            ("ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig"), how
        ),
    )


def _component() -> Reader:
    plain = _reader(
        "InferenceComponent", "EndpointName", "Specification", given=("InferenceComponentName", "VariantName")
    )

    def read(deployed: Deployed) -> dict[str, Any]:
        described = _describe("InferenceComponent", deployed)
        copies = {"CopyCount": described["RuntimeConfig"]["DesiredCopyCount"]}
        return {**plain.read(deployed), "RuntimeConfig": copies}

    return Reader(
        read=read,
        attribute=plain.attribute,
        chosen=plain.chosen | {"RuntimeConfig"},
        unread={"DeploymentConfig": "the service says how its last update went, not how the next shall go"},
    )


READERS = {
    "AWS::SageMaker::Pipeline": _pipeline(),
    "AWS::SageMaker::ModelPackageGroup": _reader(
        "ModelPackageGroup", "ModelPackageGroupName", "ModelPackageGroupDescription"
    ),
    "AWS::SageMaker::Model": _reader(
        "Model",
        "Containers",
        "EnableNetworkIsolation",
        "ExecutionRoleArn",
        "InferenceExecutionConfig",
        "PrimaryContainer",
        "VpcConfig",
        defaults={"EnableNetworkIsolation": False},
        given=("ModelName",),
    ),
    "AWS::SageMaker::EndpointConfig": _reader(
        "EndpointConfig",
        "AsyncInferenceConfig",
        "DataCaptureConfig",
        "EnableNetworkIsolation",
        "ExecutionRoleArn",
        "KmsKeyId",
        "ProductionVariants",
        "ShadowProductionVariants",
        "VpcConfig",
        defaults={"EnableNetworkIsolation": False},
        given=("EndpointConfigName",),
    ),
    "AWS::SageMaker::Endpoint": _endpoint(),
    "AWS::SageMaker::InferenceComponent": _component(),
}
