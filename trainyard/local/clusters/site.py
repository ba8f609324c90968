"""The machines of a cluster as namespaces of this one, with Slurm between them where the cluster asks for it."""

import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters import slurm_packages
from trainyard.local.clusters.accounting import Accounting, wanted
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.describe import host_name
from trainyard.local.clusters.documents import orchestrator
from trainyard.local.clusters.fleet import FOLDER
from trainyard.local.clusters.machines import MachineError, Sites, Slot
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.node_machine import NodeMachine
from trainyard.local.clusters.places import Places
from trainyard.local.clusters.scheduler import Scheduler

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


class NodeSite:
    """The nodes of one cluster on a bridge of their own, with a folder that all of them see."""

    def __init__(self, context: Context, cluster: Mapping[str, Any]) -> None:
        """Makes the network.

        Args:
            context: what the families share.
            cluster: the cluster's document.

        Raises:
            MachineError: the cluster wants Slurm, and there is none on this machine.
            OSError: the kernel or `ip` refuses.
        """
        self._context = context
        self._folder = context.state / FOLDER / cluster["ClusterId"]
        self._layers: tuple[Path, ...] = (IMAGE,)
        self._scheduler: Scheduler | None = None
        self._accounting: Accounting | None = None
        if orchestrator(cluster) == "Slurm":
            layer = slurm_packages.default_folder()
            if missing := slurm_packages.missing(layer):
                raise MachineError(missing)
            self._layers = (IMAGE, layer)
        self._lock = threading.RLock()
        self._nodes: dict[str, Node] = {}
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shared = self._folder / "shared"
        link = self._shared / _FOR_JOBS
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(context.environments / "training", target_is_directory=True)
        self._places = Places(context.platform, cluster)
        self._bridge = Bridge(self._folder / "hosts", *self._places.networks())
        if wanted(cluster) is not None:
            self._accounting = Accounting(context, cluster, self._bridge)
        if orchestrator(cluster) == "Slurm":
            storage = self._accounting.storage if self._accounting else None
            self._scheduler = Scheduler(cluster["ClusterName"], layer, self._node, storage)

    def boot(self, slot: Slot, *, fresh: bool) -> NodeMachine:
        """Starts a node."""
        try:
            if self._scheduler is not None:
                self._scheduler.booted(slot)
            with self._lock:
                if fresh and (before := self._nodes.pop(host_name(slot.address), None)):
                    # Another machine, which may have another role and other mounts.
                    before.kill()
                node = self._node(slot)
            if fresh:
                node.wipe()
            self._bridge.widen(self._places.networks())
            node.start()
            self._hand_over(node, slot)
        except (OSError, ValueError, ServiceError, ClientError) as error:
            raise MachineError(str(error)) from error
        return NodeMachine(node)

    def configure(self, slots: Sequence[Slot], *, keep: bool) -> None:
        """Slurm's configuration on the nodes, and daemons on those that have been made."""
        if self._scheduler is not None:
            self._scheduler.configure(slots, keep=keep)

    def isolate(self, slot: Slot) -> None:
        """Keeps jobs away from a node that is checked."""
        if self._scheduler is not None:
            self._scheduler.isolate(slot)

    def release(self, slot: Slot) -> None:
        """Lets a node have jobs."""
        if self._scheduler is not None:
            self._scheduler.release(slot)

    def cordon(self, slot: Slot) -> None:
        """Keeps new jobs away from a node that waits for a patch."""
        if self._scheduler is not None:
            self._scheduler.cordon(slot)

    def uncordon(self, slot: Slot) -> None:
        """Lets such a node have jobs again."""
        if self._scheduler is not None:
            self._scheduler.uncordon(slot)

    def busy(self, slot: Slot) -> bool:
        """Whether a job runs on a node."""
        return self._scheduler is not None and self._scheduler.busy(slot)

    def changed(self) -> list[str]:
        """Lines of slurm.conf that others have written."""
        return self._scheduler.changed() if self._scheduler is not None else []

    def lost(self, slot: Slot, reason: str) -> None:
        """Tells Slurm of a node that is gone."""
        if self._scheduler is not None:
            self._scheduler.lost(slot, reason)

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
        ending = [threading.Thread(target=node.kill, name=f"end {node.name}") for node in nodes]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        if self._accounting is not None:
            self._accounting.close()
        self._bridge.close()

    def _node(self, slot: Slot) -> Node:
        name = host_name(slot.address)
        with self._lock:
            found = self._nodes.get(name)
            if found is None:
                found = self._nodes[name] = Node(
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
            return found

    def _hand_over(self, node: Node, slot: Slot) -> None:
        """What an instance finds in its metadata."""
        given = self._context.platform.role_environment(slot.role, _SESSION)
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        lines = ["[default]", *(f"{name.lower()} = {given[name]}" for name in names)]
        path = node.path(_CREDENTIALS)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
