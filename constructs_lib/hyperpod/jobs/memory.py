"""The node's memory that a job's checkpoints may take: part of the pod's own, and a folder that outlives the pod.

What a pod writes to a tmpfs counts as the pod's memory, so the share is within ``memory_gib``. The managed tiered
checkpointing of a cluster is another thing: its daemon holds its own share, whoever uses it.

Sources, read 2026-11-22: "Memory Resource Controller", Linux (pages of a tmpfs are charged to who touches them first);
tmpfs(5) (a tmpfs holds half of the memory unless it is mounted with a size); ClusterTieredStorageConfig, SageMaker API
reference (Enable installs the daemon).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from constructs_lib.hyperpod.eks.volumes import HostFolder
from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.kubernetes_terms import KubernetesTerms
from ml_contract.clusters import pods
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.training.run import TrainingRun

VOLUME = "checkpoint-memory"
FOLDER = HostFolder(name=VOLUME, mount_path=pods.MEMORY, path="/dev/shm/trainyard")  # noqa: S108  # of the node
TMPFS_SHARE = 0.5
"""Of a node's memory, which its /dev/shm holds."""


def check(job: ClusterJob, terms: KubernetesTerms) -> None:
    """Hold what the run wants to keep in memory against the pod.

    Raises:
        ContractError: Share and run do not go together, or the node has not the memory.
    """
    tier, share = job.run.checkpointing.memory, terms.checkpoint_memory_gib
    if (tier is None) != (share is None):
        reject("checkpoint_memory_gib", share, "it is given exactly where run.checkpointing.memory is",
               "Give both, or leave both out.")  # fmt: skip
    if tier is None or share is None:
        return
    for field in ("folder", "budget_mib"):
        if getattr(tier, field) is not None:
            reject(f"run.checkpointing.memory.{field}", getattr(tier, field), "the job gives it", "Leave it out.")
    if terms.tiered_percent:
        reject("tiered_percent", terms.tiered_percent, "the run keeps its checkpoints in memory itself, and the cluster"
               " would reserve memory for AWS's daemon beside",
               "Leave tiered out of the cluster, or memory out of the run.")  # fmt: skip
    if share + terms.shared_memory_gib > terms.memory_gib:
        reject("checkpoint_memory_gib", share, f"with shared_memory_gib, {terms.shared_memory_gib}, it is within"
               f" memory_gib, {terms.memory_gib}", "Lower one of them.")  # fmt: skip
    most = int(instance(job.resources.instance_type).memory_gib * TMPFS_SHARE)
    if share > most:
        reject("checkpoint_memory_gib", share, "a node's /dev/shm holds half of its memory", f"Give at most {most}.")


def volumes(terms: KubernetesTerms) -> list[dict[str, Any]]:
    """The pod's volume, where it keeps checkpoints in memory."""
    return [FOLDER.volume()] if terms.checkpoint_memory_gib else []


def mounts(terms: KubernetesTerms) -> list[dict[str, Any]]:
    """Its mount."""
    return [FOLDER.mount()] if terms.checkpoint_memory_gib else []


def told(run: TrainingRun, terms: KubernetesTerms) -> TrainingRun:
    """The run with what the job gives it."""
    if run.checkpointing.memory is None or terms.checkpoint_memory_gib is None:
        return run
    memory = dataclasses.replace(
        run.checkpointing.memory, folder=pods.MEMORY, budget_mib=terms.checkpoint_memory_gib * 1024
    )  # fmt: skip
    return dataclasses.replace(run, checkpointing=dataclasses.replace(run.checkpointing, memory=memory))
