"""Nodes of the embedded cloud with the lifecycle scripts on their disks, as HyperPod would have put them there."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_code import LIFECYCLE
from ml_contract.clusters import places
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.mounts import MountedByHyperPod
from ml_contract.clusters.nodes import ClusterInstance, InstanceGroup, NodeType, ResourceConfig
from ml_contract.clusters.people import User, UsersFile
from ml_contract.clusters.software import Slurm
from trainyard.local.clusters.node import Node

SCRIPTS = "/opt/scripts"
USERS = UsersFile(
    users=(User(name="alice", uid=2001, gid=2001), User(name="bob", uid=2002, gid=2002)), home="/fsx/home"
)


def configuration(groups: Mapping[str, NodeType], slurm: Slurm) -> LifecycleConfiguration:
    """What is told to nodes of CPU types that share /fsx; a group of each name."""
    cpu = (Host.of("ml.c5.xlarge", efa=False),)
    return LifecycleConfiguration(
        cluster="here", slurm=slurm, mounts=(MountedByHyperPod(path="/fsx"),), users=USERS, linger=0,
        groups=tuple(NodeGroup(name=name, node_type=node_type, hosts=cpu) for name, node_type in groups.items()),
    )  # fmt: skip


def resources(addresses: Mapping[str, str]) -> ResourceConfig:
    """What HyperPod tells of a node in each group."""
    return ResourceConfig(
        cluster_name="here",
        cluster_arn="arn:aws:sagemaker:eu-west-1:123456789012:cluster/abcdef012345",
        groups=tuple(
            InstanceGroup(
                name=name,
                instance_type="ml.c5.xlarge",
                instances=(
                    ClusterInstance(name=f"{name}-1", instance_id=f"i-0123456789abc00{int(address[-2:]):02d}",
                                    address=address, agent_address=address),
                ),
            )
            for name, address in addresses.items()
        ),
    )  # fmt: skip


def put(node: Node, told: LifecycleConfiguration, known: ResourceConfig) -> None:
    """Writes scripts and documents; without modes, as S3 has none."""
    files = {
        f"{SCRIPTS}/{source.relative_to(LIFECYCLE)}": source.read_bytes()
        for source in LIFECYCLE.rglob("*")
        if source.is_file() and "__pycache__" not in source.parts
    }
    files[f"{SCRIPTS}/{places.LIFECYCLE_CONFIGURATION}"] = told.to_text().encode()
    files[places.RESOURCE_CONFIG] = known.to_text().encode()
    for name, content in files.items():
        path = node.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def make(node: Node) -> tuple[int, list[str]]:
    """Runs the entry: its exit code and its lines."""
    lines: list[str] = []
    code = node.run(["bash", f"{SCRIPTS}/{places.ENTRY}"], timeout=60, log=lines.append)
    return code, [line.rstrip("\n") for line in lines]
