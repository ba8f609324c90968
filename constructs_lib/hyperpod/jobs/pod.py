"""The pod of a training job on one node: all of its accelerators, adapters and disks, memory of its own.

Sources, read 2026-11-22: "Run machine learning training on Amazon EKS with Elastic Fabric Adapter", EKS User Guide
(huge pages); aws/sagemaker-hyperpod-cli at 011ca92 (labels of nodes); awslabs/awsome-distributed-training at 0edaf15,
LifecycleScripts (local disks).
"""

from __future__ import annotations

import json
from typing import Any

from constructs_lib.hyperpod.duties import Taint
from constructs_lib.hyperpod.jobs import memory
from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.kubernetes_terms import KubernetesTerms
from ml_contract.clusters import jobs as contract
from ml_contract.clusters import pods
from ml_contract.hyperparameters import encode
from ml_contract.instances import instance
from ml_contract.prometheus import FOLDER, FOLDER_VARIABLE

CONTAINER = "trainer"
SHARED_MEMORY = "/dev/shm"  # noqa: S108  # of the pod
LOCAL_DISKS = "/opt/dlami/nvme"
"""Where HyperPod's image mounts a node's own disks."""
CONTRACT_FOLDER = "/opt/ml"
HUGE_PAGES = "5120Mi"
"""Of 2 MiB, for EFA's buffers."""
GRACE_SECONDS = 150
"""From SIGTERM to SIGKILL: the ranks' 110 seconds to commit, and the launcher's own end."""


_FIGURES = (
    {"name": "figures", "hostPath": {"path": FOLDER, "type": "DirectoryOrCreate"}},
    {"name": "figures", "mountPath": FOLDER},
)
"""Volume and mount of what the node's exporter serves (``constructs_lib.hyperpod.eks.exporters``). Where there is none,
a run leaves a file of a kilobyte there."""


def render(job: ClusterJob, terms: KubernetesTerms) -> dict[str, Any]:
    """The pod's spec."""
    shm = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{terms.shared_memory_gib}Gi"}}
    checked = {"sagemaker.amazonaws.com/deep-health-check-status": "Passed"} if terms.only_checked else {}
    return {
        "serviceAccountName": terms.service_account,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "nodeSelector": {
            "node.kubernetes.io/instance-type": job.resources.instance_type, **checked, **terms.node_labels
        },
        **({"tolerations": [_toleration(taint) for taint in terms.tolerates]} if terms.tolerates else {}),
        **_apart(job),
        "volumes": [shm, _FIGURES[0], *_scratch(job)[0], *memory.volumes(terms),
                    *(volume.volume() for volume in terms.volumes)],
        "containers": [_container(job, terms)],
    }  # fmt: skip


def _apart(job: ClusterJob) -> dict[str, Any]:
    """A pod takes all accelerators of a node. Where there are none, pods have to be kept apart."""
    if instance(job.resources.instance_type).accelerators:
        return {}
    apart = {
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": job.name}},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}}


def _container(job: ClusterJob, terms: KubernetesTerms) -> dict[str, Any]:
    shm = {"name": "shm", "mountPath": SHARED_MEMORY}
    mounts = [shm, _FIGURES[1], *_scratch(job)[1], *memory.mounts(terms), *(volume.mount() for volume in terms.volumes)]
    amounts = _amounts(job, terms)
    return {
        "name": CONTAINER,
        "image": f"${{{contract.IMAGE}}}",
        "command": pods.command(contract.CODE),
        "env": _environment(job, terms),
        # The operator speaks to the agent here.
        "ports": [{"containerPort": pods.DEFAULT_AGENT_PORT, "name": "agent"}],
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": {"allowPrivilegeEscalation": False},
        "volumeMounts": mounts,
    }


def _scratch(job: ClusterJob) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Volume and mount of what the pod writes itself: a folder of its own on the node's disks, where it has some.

    Kubernetes counts what is on the root volume alone, which is small, and whose size HyperPod decides.
    """
    if not instance(job.resources.instance_type).has_local_storage:
        return [], []
    folder = {"path": f"{LOCAL_DISKS}/trainyard", "type": "DirectoryOrCreate"}
    mount = {"name": "scratch", "mountPath": CONTRACT_FOLDER, "subPathExpr": f"$({pods.POD})"}
    return [{"name": "scratch", "hostPath": folder}], [mount]


def _amounts(job: ClusterJob, terms: KubernetesTerms) -> dict[str, str]:
    """What the pod asks for and may have: one and the same, or a neighbour's use would end a rank."""
    entry = instance(job.resources.instance_type)
    found = {"memory": f"{terms.memory_gib}Gi"}
    if not entry.has_local_storage:
        found["ephemeral-storage"] = f"{job.resources.volume_gib}Gi"
    if entry.accelerators:
        found["nvidia.com/gpu"] = str(entry.accelerators)
    if job.resources.efa:
        found |= {"vpc.amazonaws.com/efa": str(entry.efa_interfaces), "hugepages-2Mi": HUGE_PAGES}
    return found


def _environment(job: ClusterJob, terms: KubernetesTerms) -> list[dict[str, Any]]:
    hyperparameters = {
        name: text for name, text in encode(memory.told(job.run, terms)).items() if name != "checkpoint_uri"
    }
    channels = {channel.name: channel.path for channel in job.data} if isinstance(job.data, tuple) else {}
    streams = {} if isinstance(job.data, tuple) else {contract.STREAM: f"${{{contract.STREAM}}}"}
    given = {
        **job.environment,
        contract.CODE: f"${{{contract.CODE}}}",
        contract.CHECKPOINTS: f"${{{contract.CHECKPOINTS}}}",
        **streams,
        contract.RUN: f"${{{contract.RUN}}}",
        pods.INSTANCE_TYPE: job.resources.instance_type,
        pods.HYPERPARAMETERS: json.dumps(hyperparameters, sort_keys=True),
        pods.CHANNELS: json.dumps(channels, sort_keys=True),
        FOLDER_VARIABLE: FOLDER,
    }
    pod = {"name": pods.POD, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return [pod, *({"name": name, "value": value} for name, value in sorted(given.items()))]


def _toleration(taint: Taint) -> dict[str, str]:
    if taint.value is None:
        return {"key": taint.key, "operator": "Exists", "effect": taint.effect}
    return {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
