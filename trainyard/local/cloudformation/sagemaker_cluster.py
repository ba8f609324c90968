"""AWS::SageMaker::Cluster: its properties are CreateCluster's, and its updates UpdateCluster's."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties
from trainyard.local.cloudformation.sagemaker_base import SageMaker
from trainyard.local.cloudformation.sagemaker_hosting import Settling

_GROUP = (
    "AutoPatchConfig", "CapacityRequirements", "ExecutionRole", "ImageId", "ImageReleaseVersion", "InstanceCount",
    "InstanceGroupName", "InstanceRequirements", "InstanceStorageConfigs", "InstanceType", "KubernetesConfig",
    "LifeCycleConfig", "MinInstanceCount", "NetworkInterface", "OnStartDeepHealthChecks", "OverrideVpcConfig",
    "ScheduledUpdateConfig", "SlurmConfig", "ThreadsPerCore", "TrainingPlanArn",
)  # fmt: skip
_RELEASE = "ImageReleaseVersion"


class Cluster(Settling):
    type = "AWS::SageMaker::Cluster"
    noun = "Cluster"
    status = "ClusterStatus"
    what = "cluster"
    custom_name = "ClusterName"
    updatable = (
        "AutoScaling",
        "ClusterRole",
        "NodeProvisioningMode",
        "NodeRecovery",
        "Orchestrator",
        "RestrictedInstanceGroups",
        "RestrictedInstanceGroupsConfig",
        "TieredStorageConfig",
    )
    # The service refuses by name what below these it does not run.
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(updatable, ALL),
        "ClusterName": ALL,
        "InstanceGroups": dict.fromkeys(_GROUP, ALL),
        "Tags": TAGS,
        "VpcConfig": {"SecurityGroupIds": ALL, "Subnets": ALL},
    }

    def name_of(self, identity: str) -> str:
        # The ARN ends in an id; the operations take it for the name.
        return identity

    def change(self, identity: str, old: Properties, new: Properties) -> None:
        if old.get("Orchestrator", {}).get("Eks") != new.get("Orchestrator", {}).get("Eks"):
            raise CallError("Orchestrator.Eks: it cannot change; give the cluster another logical id", "Validation")
        before, after = _groups(old), _groups(new)
        known = {row["InstanceGroupName"] for row in self.describe(identity)["InstanceGroups"]}
        change = {name: new[name] for name in self.updatable if name in new and old.get(name) != new[name]}
        groups = [spec for name, spec in after.items() if name not in known or spec != before.get(name)]
        gone = sorted(known - set(after))
        if groups:
            change["InstanceGroups"] = groups
        if gone:
            change["InstanceGroupsToDelete"] = gone
        if change:
            self._update(identity, change)
        # CloudFormation calls UpdateClusterSoftware when a group's release changes, and only then.
        patched = [spec for name, spec in after.items() if name in before and _differ(spec, before[name])]
        if patched:
            rows = [{name: spec[name] for name in ("InstanceGroupName", _RELEASE)} for spec in patched]
            self.call("UpdateClusterSoftware", ClusterName=identity, InstanceGroups=rows)
            self.wait(identity)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self.describe(identity)
        names = ("ClusterArn", "ClusterStatus", "CreationTime", "FailureMessage")
        return {name: str(found[name]) for name in names if name in found}

    def _update(self, identity: str, change: dict[str, Any]) -> None:
        self.update(identity, change)
        found = self.wait(identity)
        if found.get("FailureMessage"):
            # It has gone back to what it was, and is in service.
            raise CallError(f"the update failed: {found['FailureMessage']}", "UpdateFailed")


def _groups(properties: Properties) -> dict[str, Mapping[str, Any]]:
    return {str(spec["InstanceGroupName"]): spec for spec in properties.get("InstanceGroups", [])}


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return _RELEASE in one and one[_RELEASE] != other.get(_RELEASE)


TYPES: tuple[type[SageMaker], ...] = (Cluster,)
