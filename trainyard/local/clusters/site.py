"""The machines of a cluster as namespaces of this one, with Slurm between them where the cluster asks for it."""

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_contract.clusters.nodes import NODE_TYPES
from ml_contract.errors import ContractError
from ml_contract.instances import instance
from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters import slurm_packages
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.describe import host_name
from trainyard.local.clusters.documents import orchestrator
from trainyard.local.clusters.fleet import FOLDER
from trainyard.local.clusters.machines import MachineError, Overtime, Sites, Slot
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.slurm import SlurmCluster
from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing

IMAGE = Path(__file__).with_name("image")
"""A layer of what lifecycle scripts find on HyperPod's image and namespaces cannot have."""
_SESSION = "SageMaker"
_CREDENTIALS = "/etc/trainyard/credentials"
"""Where a node has its role's. Of every node at the same place: Slurm hands a job the environment of the node where it
was submitted."""
_FOR_JOBS = "environments/trainyard"
"""Below what the nodes share: the environment that stands for the training image."""


def sites(context: Context) -> Sites:
    """What gives a cluster its site on this machine."""

    def make(cluster: Mapping[str, Any]) -> NodeSite:
        obstacle = "the cloud runs with --isolation processes" if context.isolation == "processes" else available()
        if obstacle:
            raise MachineError(f"nodes are Linux namespaces, but {obstacle}")
        try:
            return NodeSite(context, cluster)
        except OSError as error:
            raise MachineError(f"the cluster's network cannot be made: {error}") from error

    return make


class NodeMachine:
    """A node of `trainyard.local.clusters.node` as a cluster's machine."""

    def __init__(self, node: Node) -> None:
        """Wraps a node that is up."""
        self._node = node

    @property
    def alive(self) -> bool:
        return self._node.alive

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self._node.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def place(self, folder: Path, path: str) -> None:
        target = self._node.path(path)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)

    def run(self, command: Sequence[str], seconds: float, line: Callable[[str], None]) -> int:
        try:
            return self._node.run(command, timeout=seconds, log=line)
        except TimeoutError as error:
            raise Overtime(str(error)) from error
        except OSError as error:
            raise MachineError(str(error)) from error

    def kill(self) -> None:
        self._node.kill()


class NodeSite:
    """The nodes of one cluster on a bridge of their own, with a folder that all of them see."""

    def __init__(self, context: Context, cluster: Mapping[str, Any]) -> None:
        """Makes the network.

        Args:
            context: what the families share.
            cluster: the cluster's document, with the range of its addresses as `Network`.

        Raises:
            MachineError: the cluster wants Slurm, and there is none on this machine.
            OSError: the kernel or `ip` refuses.
        """
        self._context = context
        self._folder = context.state / FOLDER / cluster["ClusterId"]
        self._layers: tuple[Path, ...] = (IMAGE,)
        self._slurm: SlurmCluster | None = None
        if orchestrator(cluster) == "Slurm":
            layer = slurm_packages.default_folder()
            if missing := slurm_packages.missing(layer):
                raise MachineError(missing)
            self._layers = (IMAGE, layer)
            self._slurm = SlurmCluster(cluster["ClusterName"], layer=layer, timing=Timing())
        self._lock = threading.RLock()
        self._nodes: dict[str, Node] = {}
        self._serving: set[str] = set()
        self._members: list[str] = []
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shared = self._folder / "shared"
        link = self._shared / _FOR_JOBS
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(context.environments / "training", target_is_directory=True)
        self._bridge = Bridge(self._folder / "hosts", cluster["Network"])

    def boot(self, slot: Slot, *, fresh: bool) -> NodeMachine:
        """Starts a node."""
        try:
            with self._lock:
                self._serving.discard(host_name(slot.address))
                if fresh and (before := self._nodes.pop(host_name(slot.address), None)):
                    # Another machine, which may have another role and other mounts.
                    before.kill()
                node = self._node(slot)
            if fresh:
                node.wipe()
            node.start()
            self._hand_over(node, slot)
        except (OSError, ValueError, ServiceError) as error:
            raise MachineError(str(error)) from error
        return NodeMachine(node)

    def configure(self, slots: Sequence[Slot]) -> None:
        """Slurm's configuration on every node, and daemons on those that have been made."""
        if self._slurm is None:
            return
        try:
            with self._lock:
                self._configure(self._slurm, slots)
        except (OSError, ValueError) as error:
            raise MachineError(str(error)) from error

    def lost(self, slot: Slot, reason: str) -> None:
        """Marks a compute node as down: Slurm queues its jobs again without waiting for its silence."""
        with self._lock:
            name = host_name(slot.address)
            self._serving.discard(name)
            if self._slurm is None or slot.node_type != "Compute" or not self._controlled():
                return
            change = ["scontrol", "update", f"NodeName={name}", "State=DOWN", f"Reason={reason}"]
            # A controller that does not answer finds out by itself.
            with contextlib.suppress(OSError, TimeoutError):
                self._slurm.command(change)

    def execute(self, slot: Slot, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Runs a program on a node that is up."""
        with self._lock:
            node = self._nodes.get(host_name(slot.address))
        if node is None or not node.alive:
            raise MachineError(f"{slot.instance_id} is not up")
        lines: list[str] = []
        code = NodeMachine(node).run(command, seconds, lines.append)
        return code, "\n".join(lines)

    def close(self) -> None:
        """Ends every node, side by side, and the network."""
        with self._lock:
            nodes = list(self._nodes.values())
            self._nodes.clear()
            self._serving.clear()
        ending = [threading.Thread(target=node.kill, name=f"end {node.name}") for node in nodes]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        self._bridge.close()

    def _node(self, slot: Slot) -> Node:
        name = host_name(slot.address)
        if name not in self._nodes:
            self._nodes[name] = Node(
                name=name,
                folder=self._folder / "nodes" / name,
                address=slot.address,
                bridge=self._bridge,
                shared=dict.fromkeys(slot.mounts, self._shared),
                layers=self._layers,
                environment={
                    "AWS_SHARED_CREDENTIALS_FILE": _CREDENTIALS,
                    "AWS_REGION": self._context.region,
                    "AWS_DEFAULT_REGION": self._context.region,
                    "AWS_EC2_METADATA_DISABLED": "true",
                    "TRAINYARD_NODE_PYTHON": sys.executable,
                },
                endpoint_url=self._context.platform.endpoint_url,
            )
        return self._nodes[name]

    def _hand_over(self, node: Node, slot: Slot) -> None:
        """What an instance finds in its metadata."""
        given = self._context.platform.role_environment(slot.role, _SESSION)
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        lines = ["[default]", *(f"{name.lower()} = {given[name]}" for name in names)]
        path = node.path(_CREDENTIALS)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def _configure(self, slurm: SlurmCluster, slots: Sequence[Slot]) -> None:
        nodes = [(_described(slot), self._node(slot)) for slot in slots]
        names = sorted(described.name for described, _ in nodes)
        controller = next(described.name for described, _ in nodes if described.type == "controller")
        if names != self._members and controller in self._serving:
            # Slurm 22.05 learns of new nodes only when it starts; its jobs are on its disk.
            slurm.stop(controller)
            self._serving.discard(controller)
        slurm.configure(nodes)
        self._members = names
        up = {host_name(slot.address) for slot in slots if slot.up}
        order = sorted(nodes, key=lambda pair: NODE_TYPES.index(pair[0].type))
        for described, node in order:
            if described.name in up and node.alive and described.name not in self._serving:
                slurm.start(described.name)
                self._serving.add(described.name)

    def _controlled(self) -> bool:
        assert self._slurm is not None
        try:
            return self._slurm.controller.name in self._serving
        except StopIteration:
            return False


def _described(slot: Slot) -> SlurmNode:
    """A node as Slurm is told of it: with what its instance type would have."""
    kinds = {kind.capitalize(): kind for kind in NODE_TYPES}
    kind = kinds[slot.node_type]
    try:
        found = instance(slot.instance_type)
        cpus, memory, gpus = found.vcpus, found.memory_gib * 1024, found.accelerators
    except ContractError:
        # ml.t3 and its kin are in no catalogue of what trains and serves.
        cpus, memory, gpus = 2, 4096, 0
    return SlurmNode(
        name=host_name(slot.address), address=slot.address, type=kind, partitions=slot.partitions,
        cpus=cpus, memory_mib=memory, gpus=gpus,
    )  # fmt: skip
