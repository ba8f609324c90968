"""A worker of a cluster loses its power: HyperPod notices, puts another instance in its place, and says so."""

from __future__ import annotations

from typing import ClassVar

from ml_contract.symptoms import NODE_LOST, Symptom
from trainyard.incidents.incident import Incident
from trainyard.incidents.scene import Scene, require
from trainyard.operations import clusters
from trainyard.operations.clusters import Node

_CLUSTER = "slurm"
_GROUP = "workers"


class NodeLoss(Incident):
    name: ClassVar[str] = "node-loss"
    summary: ClassVar[str] = "a worker of a Slurm cluster loses its power"
    environment: ClassVar[str] = "lab"
    symptoms: ClassVar[tuple[Symptom, ...]] = (NODE_LOST,)
    subject: ClassVar[str] = _CLUSTER
    stacks: ClassVar[tuple[str, ...]] = (f"cluster-{_CLUSTER}",)
    variables: ClassVar[tuple[str, ...]] = ("CLUSTER", "NODE")
    skipped: ClassVar[str] = (
        "no job runs meanwhile: that one goes on from its last commit is shown by `make test-slurm`"
    )
    before: dict[str, Node]
    """Nodes by their instance ids, while all was well."""

    def prepare(self, scene: Scene) -> None:
        name = scene.stack(_CLUSTER)
        scene.variables["CLUSTER"] = name
        self.before = {node.id: node for node in clusters.nodes(scene.connection, name)}
        waiting = [node.id for node in self.before.values() if node.status != "Running"]
        require(not waiting, f"{name}: {', '.join(waiting)} is not running, so nothing more is broken now")

    def provoke(self, scene: Scene) -> None:
        lost = max((node for node in self.before.values() if node.group == _GROUP), key=lambda node: node.host)
        scene.variables["NODE"] = lost.id
        scene.fault("NodeLoss", ClusterName=scene.variables["CLUSTER"], Node=lost.id)

    def check(self, scene: Scene) -> list[str]:
        name, lost = scene.variables["CLUSTER"], scene.variables["NODE"]
        after = {node.id: node for node in clusters.nodes(scene.connection, name)}
        require(lost not in after, f"{name}: {lost} is still a node of it")
        require(len(after) == len(self.before), f"{name}: it has {len(after)} nodes, and had {len(self.before)}")
        others = [node for node in after.values() if node.status != "Running"]
        require(not others, f"{name}: {', '.join(f'{node.id} is {node.status}' for node in others)}")
        (new,) = set(after) - set(self.before)
        status = clusters.describe(scene.connection, name).status
        require(status == "InService", f"{name}: it is {status}")
        return [f"{new} stands in the place of {lost}, {len(after)} nodes run, {name} is {status}"]
