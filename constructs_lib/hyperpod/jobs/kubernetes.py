"""A training run as a HyperPodPyTorchJob: one pod a node, whose ranks the training operator's agent starts.

Sources, read 2026-11-22: "Using the training operator to run jobs" and "Installing the training operator", SageMaker
AI Developer Guide. Kubeflow's PyTorchJob has no place here: where
HyperPod's operator stands, two operators would restart the same ranks.
"""

from __future__ import annotations

import json
from typing import ClassVar, Self

from pydantic import model_validator

from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.hyperpod.eks.queues import TeamQueue
from constructs_lib.hyperpod.jobs import memory, pod
from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.kubernetes_terms import KubernetesTerms
from constructs_lib.hyperpod.jobs.places import FolderCode, SharedCheckpoints
from constructs_lib.training.image import ContainerImage
from ml_contract.clusters import jobs as contract
from ml_contract.clusters import pods
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.prometheus import FOLDER, FOLDER_VARIABLE

SYSTEM_SHARE = 0.05
"""Of a node's memory, for kubelet, agents and drivers: more than EKS reserves for the most pods of a large node."""
_GIVEN = (
    pods.AGENT, pods.HYPERPARAMETERS, pods.CHANNELS, pods.INSTANCE_TYPE, pods.POD, pods.NODES, pods.AGENT_HOST,
    pods.AGENT_PORT, "NPROC_PER_NODE", FOLDER_VARIABLE,
)  # fmt: skip


class KubernetesJob(ClusterJob, KubernetesTerms):
    """A training run on nodes of an EKS cluster, each of which one pod takes as a whole."""

    kind: ClassVar[contract.Kind] = "kubernetes"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if pods.AGENT_MODULE not in self.container.modules:
            low, high = (".".join(map(str, version)) for version in pods.AGENT_TORCH)
            reject("container.modules", sorted(self.container.modules), "the training operator starts ranks through "
                   f"{pods.AGENT_MODULE}, which runs with torch {low} and later, below {high}",
                   "Build images/hyperpod/Dockerfile and write "
                   f'modules=frozenset({{"{pods.AGENT_MODULE}"}}).')  # fmt: skip
        for name in self.environment:
            if name in _GIVEN:
                reject(f"environment.{name}", self.environment[name], "the manifest or the operator sets it",
                       "Leave it out.")  # fmt: skip
        if self.spares and not isinstance(self.placement, TeamQueue):
            reject("spares", self.spares, "a queue holds them ready, and there is none",
                   "Take TeamQueue, or leave spares out.")  # fmt: skip
        self._check_memory()
        # Its terms are fields of its own.
        memory.check(self, self)
        self._check_folders()
        return self

    def _check_memory(self) -> None:
        entry = instance(self.resources.instance_type)
        most = int(entry.memory_gib * (1 - self.tiered_percent / 100 - SYSTEM_SHARE))
        if self.memory_gib > most:
            kept = f" and {self.tiered_percent} % are for tiered checkpoints" if self.tiered_percent else ""
            reject("memory_gib", self.memory_gib, f"{entry.name} has {entry.memory_gib} GiB, of which the system takes "
                   f"{SYSTEM_SHARE:.0%}{kept}", f"Give at most {max(most, 0)}.")  # fmt: skip
        if self.shared_memory_gib > self.memory_gib:
            reject("shared_memory_gib", self.shared_memory_gib, "what is in /dev/shm is the pod's memory",
                   f"Give less than memory_gib, {self.memory_gib}.")  # fmt: skip

    def _check_folders(self) -> None:
        names = ["shm", "scratch", "figures", memory.VOLUME, *(volume.name for volume in self.volumes)]
        own = [pod.SHARED_MEMORY, pod.CONTRACT_FOLDER, FOLDER, pods.MEMORY]
        paths = [*own, *(volume.mount_path for volume in self.volumes)]
        for field, values in (("name", names), ("mount_path", paths)):
            for value in values:
                if values.count(value) > 1:
                    reject(
                        f"volumes.{field}",
                        value,
                        f"volumes differ in it, and {', '.join(names[:4])} are there already",
                        "Change it.",
                    )
        used = [(f"data.{channel.name}", channel.path) for channel in self.data] if isinstance(self.data, tuple) else []
        if isinstance(self.checkpoints, SharedCheckpoints):
            used.append(("checkpoints.path", self.checkpoints.path))
        if isinstance(self.code, FolderCode):
            used.append(("code.path", self.code.path))
        for field, path in used:
            if not any(path == mounted or path.startswith(f"{mounted}/") for mounted in paths[len(own) :]):
                reject(field, path, f"no volume is mounted there; there are {', '.join(paths[len(own) :]) or 'none'}",
                       "Give volumes=(ClaimedVolume(…),).")  # fmt: skip

    @property
    def image(self) -> ContainerImage:
        return self.container

    def text(self) -> str:
        # JSON is YAML, and needs no further library.
        return json.dumps(self.manifest(), indent=2) + "\n"

    def manifest(self) -> Manifest:
        """The HyperPodPyTorchJob, held against its schema; ``${NAME}`` stands for what a deployment knows.

        Raises:
            ContractError: The schema refuses a field.
        """
        labels = {"app.kubernetes.io/name": self.name, "app.kubernetes.io/managed-by": "trainyard"}
        labels |= self.placement.labels()
        replica = {
            "name": "nodes",
            "replicas": self.resources.instance_count,
            **({"spares": self.spares} if self.spares else {}),
            "template": {
                "metadata": {"labels": labels, "annotations": self.placement.annotations()},
                "spec": pod.render(self, self),
            },
        }
        return check(
            {
                "apiVersion": "sagemaker.amazonaws.com/v1",
                "kind": "HyperPodPyTorchJob",
                "metadata": {"name": self.name, "namespace": self.placement.namespace, "labels": labels},
                "spec": {
                    "nprocPerNode": str(instance(self.resources.instance_type).processes),
                    "runPolicy": self.recovery.render(),
                    "replicaSpecs": [replica],
                },
            }
        )
