"""lifecycle.json: everything that the scripts of a node are told, written from value objects at synthesis."""

from __future__ import annotations

import json
from typing import Any

from ml_contract.checks import between, matches
from ml_contract.clusters.exporters import NODES, Agent, AgentImage, Exporter, ExporterImage
from ml_contract.clusters.groups import NodeGroup
from ml_contract.clusters.mounts import Mount, MountedByLifecycle, Scratch
from ml_contract.clusters.nodes import GROUP_NAME, NODE_TYPES, NodeType
from ml_contract.clusters.people import Directory, People, UsersFile
from ml_contract.clusters.places import LIFECYCLE_CONFIGURATION
from ml_contract.clusters.software import Containers, Slurm
from ml_contract.clusters.steps import STEPS, Step
from ml_contract.errors import reject
from ml_contract.hyperparameters import decode_values, to_json
from ml_contract.values import value_object

VERSION = 1
"""Of the document; the scripts refuse another one."""


@value_object
class LifecycleConfiguration:
    """The document."""

    cluster: str
    """Name of the cluster."""
    groups: tuple[NodeGroup, ...]
    """All instance groups."""
    slurm: Slurm
    """Slurm's part."""
    users: People | None = None
    """Users beside those of the image; None by default: Session Manager alone."""
    mounts: tuple[Mount, ...] = ()
    """Shared file systems; none by default."""
    scratch: Scratch | None = None
    """The compute nodes' own disk; not looked at by default."""
    containers: Containers | None = None
    """Containers in jobs; none by default."""
    exporters: tuple[Exporter, ...] = ()
    """What Prometheus reads; none by default."""
    agent: Agent | None = None
    """What sends on what the exporters say; nothing by default."""
    linger: int = 60
    """Seconds that a node stays after its scripts failed, so that the agent can send their last lines: the instance is
    taken away at once otherwise (run_extensions.sh of awsome-distributed-training waits as long)."""

    def __post_init__(self) -> None:
        matches("cluster", self.cluster, GROUP_NAME)
        between("linger", self.linger, 0, 300)
        controllers = [group.name for group in self.groups if group.node_type == "controller"]
        if len(controllers) != 1:
            reject("groups", controllers, "one group is the controller's", "Give exactly one group that duty.")
        _once("groups", [group.name for group in self.groups])
        _once("mounts", [mount.path for mount in self.mounts])
        _once("exporters", [exporter.name for exporter in self.exporters])
        if self.users is not None:
            self._below_a_mount("users.home", self.users.home)
        if self.containers is not None:
            if self.scratch is None:
                reject("containers", "without scratch", "images are unpacked on the node's own disk", "Give scratch.")
            if self.containers.cache is not None:
                self._below_a_mount("containers.cache", self.containers.cache)
        if isinstance(self.users, UsersFile):
            known = {user.name for user in self.users.users}
            for account in self.slurm.accounts:
                for member in account.members:
                    if member not in known:
                        reject(f"slurm.accounts.{account.name}.members", member, "no user has this name",
                               f"Users are {', '.join(sorted(known))}.")  # fmt: skip

    def _below_a_mount(self, field: str, path: str) -> None:
        if not any(path == mount.path or path.startswith(f"{mount.path}/") for mount in self.mounts):
            reject(field, path, "it is on no shared file system, so each node would have its own",
                   f"Put it below {', '.join(mount.path for mount in self.mounts) or 'a mount'}.")  # fmt: skip

    def steps(self, node_type: NodeType) -> tuple[Step, ...]:
        """What a node of that type runs, in order."""
        return tuple(step for step in STEPS if node_type in step.nodes and self._wants(step.name, node_type))

    def longest(self, node_type: NodeType) -> int:
        """Seconds until a node of that type is ready or has failed, at most."""
        return sum(step.longest for step in self.steps(node_type))

    def needs(self, node_type: NodeType) -> tuple[str, ...]:
        """Programs that the image of such a node must bring."""
        found = {command for step in self.steps(node_type) for command in step.commands}
        if node_type == "compute" and not any(host.accelerators for group in self.groups for host in group.hosts):
            found -= {"nvidia-smi"}
        if isinstance(self.users, UsersFile) and any(user.admin for user in self.users.users):
            found |= {"visudo"}
        measured = (*self._exporters(node_type), self.agent)
        if any(isinstance(one, ExporterImage | AgentImage) for one in measured):
            found |= {"docker", "aws"}
        if any(mount.efa for mount in self.mounts) and node_type == "compute":
            found |= {"lnetctl"}
        if any(isinstance(mount, MountedByLifecycle) for mount in self.mounts):
            found |= {"mount.lustre", "lctl", "modprobe"}
        return tuple(sorted(found))

    def _exporters(self, node_type: NodeType) -> list[Exporter]:
        """Exporters of nodes of that type; one of GPUs where some of them have GPUs."""
        gpus = any(host.accelerators for group in self.groups if group.node_type == node_type for host in group.hosts)
        return [one for one in self.exporters if node_type in NODES[one.name] and (one.name != "dcgm" or gpus)]

    def _wants(self, step: str, node_type: NodeType) -> bool:
        hosts = [host for group in self.groups if group.node_type == node_type for host in group.hosts]
        conditions = {
            "check-accelerators": any(host.accelerators or host.efa_interfaces for host in hosts),
            "check-scratch": self.scratch is not None,
            "mount-shared": bool(self.mounts),
            "add-users": isinstance(self.users, UsersFile),
            "join-directory": isinstance(self.users, Directory),
            "restrict-logins": self.slurm.logins == "with-job",
            "configure-containers": self.containers is not None,
            "start-exporters": bool(self._exporters(node_type)),
            # node_exporter serves what they write.
            "report-figures": any(exporter.name == "node" for exporter in self.exporters)
            and (node_type == "controller" or any(host.efa_interfaces for host in hosts)),
            "start-metrics-agent": self.agent is not None,
            "start-slurm": self.slurm.daemons == "started-here",
            "add-associations": bool(self.slurm.accounts),
        }
        return conditions.get(step, True)

    def to_text(self) -> str:
        """The document, the same for the same configuration: what is asked for, and the steps that follow from it."""
        steps = {
            node_type: [
                {"name": step.name, "limit": step.limit, "tries": step.tries, "wait": step.wait}
                for step in self.steps(node_type)
            ]
            for node_type in NODE_TYPES
        }
        needs = {node_type: list(self.needs(node_type)) for node_type in NODE_TYPES}
        document = {"version": VERSION, **to_json(self), "steps": steps, "needs": needs}
        return json.dumps(document, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> LifecycleConfiguration:
        """Read the document.

        Raises:
            ContractError: A field is missing, unknown or wrong, or the steps are not those of the configuration.
        """
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            reject(LIFECYCLE_CONFIGURATION, text[:80], f"it must be JSON ({error})", "Write it with to_text().")
        if not isinstance(document, dict) or document.get("version") != VERSION:
            reject("version", document.get("version") if isinstance(document, dict) else document,
                   f"this is version {VERSION}", "Write the document with the scripts that read it.")  # fmt: skip
        values: dict[str, Any] = {name: document[name] for name in document if name not in _DERIVED}
        configuration = decode_values(cls, values)
        if json.loads(configuration.to_text()) != document:
            reject("steps", list(document.get("steps", {})), "they follow from the configuration",
                   "Write the document with to_text().")  # fmt: skip
        return configuration


_DERIVED = frozenset({"version", "steps", "needs"})


def _once(field: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            reject(field, name, "it is there twice", "Remove one of them.")
