"""resource_config.json as HyperPod writes it, and how a node finds itself in it.

Sources, read 2026-11-22: "Base lifecycle scripts provided by HyperPod", SageMaker AI Developer Guide (the document's
names); lifecycle_script.py and Extensions/detect-node of awslabs/awsome-distributed-training, commit 0edaf15 (a node
is found by its address; groups may have no instances). HyperPod owns the document and may add to it, so unknown names
are passed over; what is missing or of another type is refused.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from ml_contract.checks import matches
from ml_contract.errors import reject
from ml_contract.values import value_object

NodeType = Literal["controller", "login", "compute"]
"""What a node is to Slurm. The API writes them with a capital: Controller, Login, Compute."""
NODE_TYPES: tuple[NodeType, ...] = ("controller", "login", "compute")
GROUP_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
"""InstanceGroupName and ClusterName (CreateCluster, API reference, read 2026-11-22)."""
ADDRESS = r"\d{1,3}(\.\d{1,3}){3}"
INSTANCE_ID = r"i-[a-f0-9]{8}(?:[a-f0-9]{9})?"
"""ClusterInstanceId's shape (DescribeClusterNode, NodeId, API reference, read 2026-11-22)."""


@value_object
class ClusterInstance:
    """One node."""

    name: str
    """Group and a number, for example ``workers-3``."""
    instance_id: str
    """The EC2 instance, ``i-…``."""
    address: str
    """CustomerIpAddress: its address in the cluster's subnet."""
    agent_address: str
    """AgentIpAddress: where the service reaches its agent."""

    def __post_init__(self) -> None:
        matches("InstanceId", self.instance_id, INSTANCE_ID)
        matches("CustomerIpAddress", self.address, ADDRESS)
        matches("AgentIpAddress", self.agent_address, ADDRESS)


@value_object
class InstanceGroup:
    """A group and the nodes it has at the moment."""

    name: str
    """InstanceGroupName."""
    instance_type: str
    """Type of its instances, ``ml.…``; the first one asked for where there are several."""
    instances: tuple[ClusterInstance, ...] = ()
    """None while the group has no node."""

    def __post_init__(self) -> None:
        matches("Name", self.name, GROUP_NAME)


@value_object
class ResourceConfig:
    """The cluster as one node sees it when its scripts start."""

    cluster_name: str
    """ClusterName."""
    cluster_arn: str
    """ClusterArn; its last part is the cluster's id, its fourth the Region."""
    groups: tuple[InstanceGroup, ...]
    """InstanceGroups."""

    def __post_init__(self) -> None:
        addresses = [instance.address for group in self.groups for instance in group.instances]
        for address in addresses:
            if addresses.count(address) > 1:
                reject("CustomerIpAddress", address, "a node is found by its address", "Give each node its own.")

    @property
    def cluster_id(self) -> str:
        return self.cluster_arn.rsplit("/", 1)[-1]

    def locate(self, address: str) -> tuple[InstanceGroup, ClusterInstance]:
        """Group and instance of the node that has ``address``.

        Raises:
            ContractError: No instance has it.
        """
        for group in self.groups:
            for instance in group.instances:
                if instance.address == address:
                    return group, instance
        known = [instance.address for group in self.groups for instance in group.instances]
        reject("CustomerIpAddress", address, "no instance of resource_config.json has it",
               f"It knows {', '.join(known) or 'none'}.")  # fmt: skip

    def to_text(self) -> str:
        """The document as HyperPod writes it."""
        groups = [
            {
                "Name": group.name,
                "InstanceType": group.instance_type,
                "Instances": [
                    {
                        "InstanceName": instance.name,
                        "AgentIpAddress": instance.agent_address,
                        "CustomerIpAddress": instance.address,
                        "InstanceId": instance.instance_id,
                    }
                    for instance in group.instances
                ],
            }
            for group in self.groups
        ]
        cluster = {"ClusterArn": self.cluster_arn, "ClusterName": self.cluster_name}
        return json.dumps({"ClusterConfig": cluster, "InstanceGroups": groups}, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> ResourceConfig:
        """Read the document.

        Raises:
            ContractError: It is no JSON object, or a name is missing or of another type; ``field`` is the path to it.
        """
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            reject(
                "resource_config.json", text[:80], f"it must be JSON ({error})", "HyperPod writes it anew on a node."
            )
        cluster = _of(dict, document, "ClusterConfig", "")
        return cls(
            cluster_name=_of(str, cluster, "ClusterName", "ClusterConfig."),
            cluster_arn=_of(str, cluster, "ClusterArn", "ClusterConfig."),
            groups=tuple(
                _group(group, f"InstanceGroups[{index}].")
                for index, group in enumerate(_of(list, document, "InstanceGroups", ""))
            ),
        )


def _group(document: Any, path: str) -> InstanceGroup:
    instances = document.get("Instances") if isinstance(document, dict) else None
    return InstanceGroup(
        name=_of(str, document, "Name", path),
        instance_type=_of(str, document, "InstanceType", path),
        # HyperPod writes null or nothing for a group without nodes.
        instances=tuple(
            ClusterInstance(
                name=_of(str, instance, "InstanceName", f"{path}Instances[{index}]."),
                instance_id=_of(str, instance, "InstanceId", f"{path}Instances[{index}]."),
                address=_of(str, instance, "CustomerIpAddress", f"{path}Instances[{index}]."),
                agent_address=_of(str, instance, "AgentIpAddress", f"{path}Instances[{index}]."),
            )
            for index, instance in enumerate(instances or [])
        ),
    )


def _of(kind: type[Any], document: Any, name: str, path: str) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get(name), kind):
        found = document.get(name) if isinstance(document, dict) else document
        reject(f"{path}{name}", found, f"it must be of type {kind.__name__}", "HyperPod writes it anew on a node.")
    return document[name]
