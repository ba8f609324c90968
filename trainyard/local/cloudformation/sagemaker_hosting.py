"""SageMaker models, endpoint configurations, endpoints and inference components.

A table that ends in ALL leaves it to the service what below it is applied: it refuses by name what it does not run.
"""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request
from trainyard.local.cloudformation.sagemaker_base import SageMaker

_VPC = {"SecurityGroupIds": ALL, "Subnets": ALL}
_CONTAINER = {
    "ContainerHostname": ALL,
    "Environment": ALL,
    "Image": ALL,
    "ImageConfig": ALL,
    "InferenceSpecificationName": ALL,
    "Mode": ALL,
    "ModelDataSource": ALL,
    "ModelDataUrl": ALL,
    "ModelPackageName": ALL,
    "MultiModelConfig": {"ModelCacheSetting": ALL},
}
_VARIANT = {
    "ContainerStartupHealthCheckTimeoutInSeconds": ALL,
    "EnableSSMAccess": ALL,
    "InitialInstanceCount": ALL,
    "InitialVariantWeight": ALL,
    "InstanceType": ALL,
    "ManagedInstanceScaling": {"MaxInstanceCount": ALL, "MinInstanceCount": ALL, "ScaleInPolicy": ALL, "Status": ALL},
    "ModelDataDownloadTimeoutInSeconds": ALL,
    "ModelName": ALL,
    "RoutingConfig": {"RoutingStrategy": ALL},
    "ServerlessConfig": {"MaxConcurrency": ALL, "MemorySizeInMB": ALL, "ProvisionedConcurrency": ALL},
    "VariantName": ALL,
    "VolumeSizeInGB": ALL,
}

READY_WITHIN_S = 8 * 3600
"""Longest wait for an endpoint to come into service, in seconds: the longest MaximumExecutionTimeoutInSeconds."""
_POLL_SECONDS = 0.2


class Model(SageMaker):
    type = "AWS::SageMaker::Model"
    noun = "Model"
    custom_name = "ModelName"
    applied: ClassVar[Mapping[str, Any]] = {
        "Containers": _CONTAINER,
        "EnableNetworkIsolation": ALL,
        "ExecutionRoleArn": ALL,
        "InferenceExecutionConfig": {"Mode": ALL},
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
        "AsyncInferenceConfig": ALL,
        "DataCaptureConfig": ALL,
        "EnableNetworkIsolation": ALL,
        "EndpointConfigName": ALL,
        "ExecutionRoleArn": ALL,
        "KmsKeyId": ALL,
        "ProductionVariants": _VARIANT,
        "ShadowProductionVariants": _VARIANT,
        "Tags": TAGS,
        "VpcConfig": _VPC,
    }


class Settling(SageMaker):
    """A type that is ready some time after it was asked for."""

    slow = True
    status: ClassVar[str]
    """The field of Describe… that says whether it is."""
    what: ClassVar[str]
    """What it is called in messages."""

    def make(self, request: Request) -> str:
        identity = super().make(request)
        try:
            self.wait(identity)
        except CallError:
            self.remove(identity, request.properties)
            raise
        return identity

    def wait(self, identity: str) -> dict[str, Any]:
        """Waits until it is in service; returns how it is described then.

        Raises:
            CallError: It failed, or takes too long.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            found = self.describe(self.name_of(identity))
            if found[self.status] == "InService":
                return found
            if found[self.status] in ("Failed", "OutOfService", "UpdateRollbackFailed"):
                reason = found.get("FailureReason") or found.get("FailureMessage") or "no reason given"
                raise CallError(f"the {self.what} did not start: {reason}", "Failed")
            time.sleep(_POLL_SECONDS)
        raise CallError(f"the {self.what} was not in service within {READY_WITHIN_S} s", "NotStabilized")

    def remove(self, identity: str, properties: Properties) -> None:
        super().remove(identity, properties)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                self.describe(self.name_of(identity))
            except CallError:
                return
            time.sleep(_POLL_SECONDS)
        raise CallError(f"the {self.what} was not deleted within {READY_WITHIN_S} s", "NotStabilized")


class Endpoint(Settling):
    type = "AWS::SageMaker::Endpoint"
    noun = "Endpoint"
    status = "EndpointStatus"
    what = "endpoint"
    custom_name = "EndpointName"
    updatable = ("DeploymentConfig", "EndpointConfigName")
    _with_update = ("ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig")
    """What says how an update goes, and is nothing by itself."""
    applied: ClassVar[Mapping[str, Any]] = {
        "DeploymentConfig": {
            "AutoRollbackConfiguration": {"Alarms": {"AlarmName": ALL}},
            "BlueGreenUpdatePolicy": ALL,
            "RollingUpdatePolicy": ALL,
        },
        "EndpointConfigName": ALL,
        "EndpointName": ALL,
        **dict.fromkeys(_with_update, ALL),
        "Tags": TAGS,
    }

    def parameters(self, properties: Properties) -> dict[str, Any]:
        return {name: value for name, value in properties.items() if name not in self._with_update}

    def change(self, identity: str, old: Properties, new: Properties) -> None:
        if all(old.get(name) == new.get(name) for name in self.updatable):
            return
        wanted = new["EndpointConfigName"]
        current = self.describe(self.name_of(identity))["EndpointConfigName"]
        if wanted == current != old["EndpointConfigName"]:
            return  # put back after an update that failed: the service has kept its configuration by itself
        how = {name: new[name] for name in (*self.updatable, *self._with_update) if name in new}
        self.update(identity, how)
        found = self.wait(identity)
        # A failed update leaves the endpoint in service with its old configuration.
        if found["EndpointConfigName"] != wanted or found.get("FailureReason"):
            reason = found.get("FailureReason", "the endpoint kept its configuration")
            raise CallError(f"the update to {wanted} failed: {reason}", "UpdateFailed")


class InferenceComponent(Settling):
    type = "AWS::SageMaker::InferenceComponent"
    noun = "InferenceComponent"
    status = "InferenceComponentStatus"
    what = "inference component"
    custom_name = "InferenceComponentName"
    _fixed = ("EndpointName", "InferenceComponentName", "VariantName")
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_fixed, ALL),
        "DeploymentConfig": {
            "AutoRollbackConfiguration": {"Alarms": {"AlarmName": ALL}},
            "RollingUpdatePolicy": ALL,
        },
        "RuntimeConfig": {"CopyCount": ALL},
        "Specification": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        # DeploymentConfig is UpdateInferenceComponent's; CreateInferenceComponent does not take it.
        given = {name: value for name, value in request.properties.items() if name != "DeploymentConfig"}
        return super().make(Request(logical_id=request.logical_id, stack=request.stack, properties=given))

    def change(self, identity: str, old: Properties, new: Properties) -> None:
        for name in self._fixed:
            if old.get(name) != new.get(name):
                raise CallError(f"{name}: it cannot change; give the component another logical id", "Validation")
        # How the next update goes changes nothing that serves.
        changed = [name for name in ("RuntimeConfig", "Specification") if old.get(name) != new.get(name)]
        if not changed:
            return
        if "Specification" in changed and "DeploymentConfig" in new:
            changed.append("DeploymentConfig")
        self.update(identity, {name: new[name] for name in changed if name in new})
        found = self.wait(identity)
        if found.get("FailureReason"):
            raise CallError(f"the update failed: {found['FailureReason']}", "UpdateFailed")

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self.describe(self.name_of(identity))
        return {"InferenceComponentArn": identity, "InferenceComponentStatus": found["InferenceComponentStatus"]}


TYPES: tuple[type[SageMaker], ...] = (Model, EndpointConfig, Endpoint, InferenceComponent)
