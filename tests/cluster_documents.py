"""The documents of a cluster that has everything, as its constructs and HyperPod would write them."""

from __future__ import annotations

from pathlib import Path

from ml_contract.clusters.exporters import AgentImage, ExporterBinary, ExporterImage
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.mounts import MountedByHyperPod, MountedByLifecycle, Scratch
from ml_contract.clusters.nodes import ClusterInstance, InstanceGroup, ResourceConfig
from ml_contract.clusters.people import Directory, User, UsersFile
from ml_contract.clusters.software import Account, Containers, Slurm

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleEx"
NODE_EXPORTER = "602401143452.dkr.ecr.{region}.amazonaws.com/hyperpod/node_exporter"
DIGEST = "@sha256:" + "0123456789abcdef" * 4


def configuration(**changes: object) -> LifecycleConfiguration:
    """The lot; ``changes`` replace parts."""
    parts: dict[str, object] = {
        "cluster": "research",
        "groups": (
            NodeGroup(name="controller", node_type="controller", hosts=(Host.of("ml.c5.xlarge", efa=False),)),
            NodeGroup(name="login", node_type="login", hosts=(Host.of("ml.c5.xlarge", efa=False),)),
            NodeGroup(name="workers", node_type="compute", hosts=(Host.of("ml.p5.48xlarge", efa=False),)),
        ),
        "slurm": Slurm(
            daemons="started-here",
            logins="with-job",
            accounts=(Account(name="vision", members=("alice", "bob"), share=3), Account(name="language", members=())),
        ),
        "users": UsersFile(
            users=(
                User(name="alice", uid=2001, gid=2001, keys=(KEY, KEY + " alice@home"), admin=True),
                User(name="bob", uid=2002, gid=2002),
            ),
            home="/fsx/home",
        ),
        "mounts": (MountedByHyperPod(path="/fsx"),),
        "scratch": Scratch(path="/opt/dlami/nvme", minimum_gib=1),
        "containers": Containers(),
        "exporters": (
            ExporterImage(name="node", image=NODE_EXPORTER + DIGEST,
                          arguments=("--collector.processes", "--collector.ethtool")),
            ExporterBinary(name="dcgm", path="/usr/local/bin/dcgm-exporter"),
        ),
        "agent": AgentImage(parameters="/trainyard/dev/clusters/research/agents",
                            image="{account}.dkr.ecr.{region}.amazonaws.com/prometheus" + DIGEST),
        "linger": 0,
    }  # fmt: skip
    return LifecycleConfiguration(**(parts | changes))


LUSTRE = MountedByLifecycle(path="/fsx", dns_name="fs-0123.fsx.eu-west-1.amazonaws.com", mount_name="abcdefgh")
DIRECTORY = Directory(
    domain="corp.example.com", uri="ldaps://ldap.corp.example.com", search_base="dc=corp,dc=example,dc=com",
    bind_name="cn=reader,dc=corp,dc=example,dc=com", secret="research/ldap", groups=("ML Users", "guests"),
    admins="cluster-admins", home="/fsx/home",
)  # fmt: skip


def resources() -> ResourceConfig:
    """Four nodes, as HyperPod tells each of them."""

    def group(name: str, kind: str, *addresses: str) -> InstanceGroup:
        return InstanceGroup(
            name=name,
            instance_type=kind,
            instances=tuple(
                ClusterInstance(name=f"{name}-{number}", instance_id=f"i-0123456789abc{address[-2:]:0>4}",
                                address=address, agent_address=address)
                for number, address in enumerate(addresses, 1)
            ),
        )  # fmt: skip

    return ResourceConfig(
        cluster_name="research",
        cluster_arn="arn:aws:sagemaker:eu-west-1:123456789012:cluster/abcdef012345",
        groups=(
            group("controller", "ml.c5.xlarge", "10.0.0.10"),
            group("login", "ml.c5.xlarge", "10.0.0.11"),
            group("workers", "ml.p5.48xlarge", "10.0.0.21", "10.0.0.22"),
        ),
    )


def write(folder: Path) -> None:
    """What a test's node finds, and parts to put in their place."""
    (folder / "lifecycle.json").write_text(configuration().to_text())
    (folder / "resource_config.json").write_text(resources().to_text())
    (folder / "lustre.json").write_text(configuration(mounts=(LUSTRE,)).to_text())
    (folder / "directory.json").write_text(
        configuration(users=DIRECTORY, slurm=Slurm(daemons="started-here", logins="anyone")).to_text()
    )
