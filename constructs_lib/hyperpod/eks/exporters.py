"""What measures the nodes of a cluster on EKS: exporters as daemons, which the managed collector reads.

Images are the copies in the account's registry, by digest; scripts and fields are those of Slurm's nodes. Why not AWS's
add-on: docs/decisions/0020-figures-of-nodes.md.

Sources, read 2026-11-22: README of prometheus/node_exporter 1.9 ("Docker": the host's network, processes and root);
dcgm-exporter.yaml of NVIDIA/dcgm-exporter (SYS_ADMIN for profiling fields); "Pod Security Standards", Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from constructs_lib.hyperpod.eks.manifest import Manifest
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.training.code import package_folder
from ml_contract.clusters.exporters import PORTS
from ml_contract.clusters.metric_images import DCGM_EXPORTER, NODE_EXPORTER, MetricImage
from ml_contract.prometheus import FOLDER

NAMESPACE = "trainyard-metrics"
REGISTRY = "REGISTRY"
"""Variable of the manifests: the account's registry."""
STALE_MINUTES = 360
"""A run's file that is older goes: its pod was killed, or is on another node. Alerts are raised long before."""
_CONFIG, _ROOT = "/etc/trainyard", "/host"
_TIDY = f"while :; do find {FOLDER} -name 'trainyard-*' -mmin +{STALE_MINUTES} -delete; sleep 600; done"
_NOBODY = {"runAsNonRoot": True, "runAsUser": 65534}
_AS_ROOT = {"runAsUser": 0}


def exporters(groups: Sequence[InstanceGroup]) -> list[Manifest]:
    """Manifests, in the order in which they are applied; ``${REGISTRY}`` stands for where copies of images lie.

    Args:
        groups: Groups of the cluster; those with NVIDIA's GPUs get an exporter of their own.
    """
    files = package_folder("cluster_code") / "lifecycle" / "files"
    texts = {name: (files / name).read_text() for name in ("efa_figures.sh", "counters.csv")}
    entries = (entry for group in groups for entry in group.hosts.entries)
    gpus = sorted({one.name for one in entries if one.device is not None and one.device.runs_on == "cuda"})
    # Exporters look at the host itself.
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "exporters", "namespace": NAMESPACE},
         "data": texts},
        _daemon("node-exporter", _node_exporter()),
        *([_daemon("dcgm-exporter", _dcgm_exporter(gpus))] if gpus else []),
    ]  # fmt: skip


def _daemon(name: str, pod: Mapping[str, Any]) -> Manifest:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "trainyard"}
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # Jobs ask for nearly all of a node; what measures it must not be what has no room.
        "priorityClassName": "system-node-critical",
        # Also on nodes that were just found faulty.
        "tolerations": [{"operator": "Exists"}],
        **pod,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "20%"}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _node_exporter() -> dict[str, Any]:
    figures = {"name": "figures", "mountPath": FOLDER}
    return {
        "hostNetwork": True,
        "hostPID": True,
        "volumes": [
            {"name": "root", "hostPath": {"path": "/"}},
            {"name": "figures", "hostPath": {"path": FOLDER, "type": "DirectoryOrCreate"}},
            _config(),
        ],
        # Of everybody, as /tmp: pods of jobs have users of their own.
        "initContainers": [_container("folder", NODE_EXPORTER, mounts=[figures], security=_AS_ROOT,
                                      command=["chmod", "1777", FOLDER])],
        "containers": [
            _container(
                "node-exporter",
                NODE_EXPORTER,
                arguments=[
                    f"--web.listen-address=:{PORTS['node']}",
                    f"--path.rootfs={_ROOT}",
                    f"--collector.textfile.directory={_ROOT}{FOLDER}",
                    # Interfaces and mounts of pods come and go, and each would be a series.
                    "--collector.netdev.device-exclude=^(eni|veth).*$",
                    "--collector.filesystem.mount-points-exclude=^/(dev|proc|run|sys|var/lib/kubelet)($|/)",
                ],
                mounts=[{"name": "root", "mountPath": _ROOT, "readOnly": True, "mountPropagation": "HostToContainer"}],
                security=_NOBODY,
                port=PORTS["node"],
            ),
            # Without adapters its file is empty.
            _container("efa-figures", NODE_EXPORTER, mounts=[figures, _mounted()], security=_NOBODY,
                       command=["sh", f"{_CONFIG}/efa_figures.sh", f"{FOLDER}/efa.prom", "30"]),
            # Files of others, in a folder where everybody may delete his own alone.
            _container("tidy", NODE_EXPORTER, mounts=[figures], security=_AS_ROOT, command=["sh", "-c", _TIDY]),
        ],
    }  # fmt: skip


def _dcgm_exporter(types: Sequence[str]) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": list(types)}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    arguments = [f"--address=:{PORTS['dcgm']}", f"--collectors={_CONFIG}/counters.csv"]
    return {
        "affinity": {"nodeAffinity": required},
        "volumes": [_config()],
        "containers": [
            _container("dcgm-exporter", DCGM_EXPORTER, arguments=arguments, mounts=[_mounted()], port=PORTS["dcgm"],
                       security={**_AS_ROOT, "capabilities": {"add": ["SYS_ADMIN"]}}, memory="512Mi"),
        ],
    }  # fmt: skip


def _container(
    name: str,
    image: MetricImage,
    *,
    mounts: list[dict[str, Any]],
    security: Mapping[str, Any],
    command: Sequence[str] = (),
    arguments: Sequence[str] = (),
    port: int | None = None,
    memory: str = "128Mi",
) -> dict[str, Any]:
    readable = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False}
    # An exporter with a capability of its own cannot have the second.
    limited = readable if "capabilities" not in security else {}
    return {
        "name": name,
        "image": f"${{{REGISTRY}}}/{image.repository}@{image.digest}",
        **({"command": list(command)} if command else {}),
        **({"args": list(arguments)} if arguments else {}),
        **({"ports": [{"name": "metrics", "containerPort": port}]} if port else {}),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": memory}},
        "securityContext": {**limited, **security},
        "volumeMounts": mounts,
    }


def _config() -> dict[str, Any]:
    return {"name": "config", "configMap": {"name": "exporters"}}


def _mounted() -> dict[str, Any]:
    return {"name": "config", "mountPath": _CONFIG, "readOnly": True}
