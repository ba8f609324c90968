"""Scheduler policies of clusters. Quotas have no type here: they come through their custom resource."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request, tag_list
from trainyard.local.cloudformation.sagemaker_base import SageMaker

_WITHIN_S = 60
_POLL_SECONDS = 0.1


class ClusterSchedulerConfig(SageMaker):
    type = "AWS::SageMaker::ClusterSchedulerConfig"
    noun = "ClusterSchedulerConfig"
    custom_name = "Name"
    slow = True
    applied: ClassVar[Mapping[str, Any]] = {
        "ClusterArn": ALL,
        "Description": ALL,
        "Name": ALL,
        "SchedulerConfig": {
            "FairShare": ALL,
            "IdleResourceSharing": ALL,
            "PriorityClasses": {"Name": ALL, "Weight": ALL},
        },
        "Tags": TAGS,
    }
    updatable = ("Description", "SchedulerConfig")

    def describe(self, name: str) -> dict[str, Any]:
        return self.call("DescribeClusterSchedulerConfig", ClusterSchedulerConfigId=name)

    def make(self, request: Request) -> str:
        given = {**request.properties, "Tags": tag_list(request.properties) or None}
        made = self.call("CreateClusterSchedulerConfig", **given)
        self._wait(made["ClusterSchedulerConfigId"])
        return str(made["ClusterSchedulerConfigArn"])

    def update(self, identity: str, change: dict[str, Any]) -> None:
        name = self.name_of(identity)
        version = self.describe(name)["ClusterSchedulerConfigVersion"]
        self.call("UpdateClusterSchedulerConfig", ClusterSchedulerConfigId=name, TargetVersion=version, **change)
        self._wait(name)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self.describe(self.name_of(identity))
        return {name: str(found[name]) for name in ("ClusterSchedulerConfigArn", "ClusterSchedulerConfigId",
                                                    "ClusterSchedulerConfigVersion", "Status")}  # fmt: skip

    def remove(self, identity: str, properties: Properties) -> None:
        name = self.name_of(identity)
        try:
            self._wait(name)
            self.call("DeleteClusterSchedulerConfig", ClusterSchedulerConfigId=name)
            self._wait(name)
        except CallError as error:
            if error.code != "ResourceNotFound":
                raise

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + _WITHIN_S
        while (found := self.describe(name))["Status"].endswith("ing"):
            if time.monotonic() > deadline:
                raise CallError(f"it is still {found['Status']} after {_WITHIN_S} s", "NotStabilized")
            time.sleep(_POLL_SECONDS)
        if "Failed" in found["Status"]:
            raise CallError(f"{found['Status']}: {found.get('FailureReason')}", "NotStabilized")


TYPES: tuple[type[SageMaker], ...] = (ClusterSchedulerConfig,)
