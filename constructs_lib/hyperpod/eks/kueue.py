"""One queue for a cluster whose teams have no quotas: Kueue itself, without task governance.

A job of many pods starts when all of them have room, or none does; without a queue two such jobs can each hold half of
the nodes and wait for the other. AWS describes both ways: its add-on, whose queues come from quotas, and Kueue's own
chart, to which the training operator is named as a framework of its own. They exclude each other: both bring the same
controller.

Sources, read 2026-11-22: "Installing the training operator" (Kueue, optional), SageMaker AI Developer Guide;
kubernetes-sigs/kueue at ff69552 (0.19.2, which AWS's add-on 1.6.0 has too): charts/kueue/values.yaml, apis/config/
v1beta2 (``quotaCheckStrategy``); "Run Plain Jobs" and "Cluster Queue", Kueue.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.eks.charts import ForeignImage
from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.hyperpod.eks.queues import SHARED
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.values import Value
from ml_contract.errors import reject

VERSION = "0.19.2"
CHART, NAMESPACE = "kueue", "kueue-system"
SOURCE = "oci://registry.k8s.io/kueue/charts/kueue"
IMAGE = ForeignImage(source="registry.k8s.io/kueue/kueue", tag=f"v{VERSION}", repository="kueue-controller")
_API = "kueue.x-k8s.io/v1beta2"
_TYPE = "node.kubernetes.io/instance-type"
# AWS's guide writes the kind in the first way, its CLI and its operator in the second.
_JOBS = tuple(f"HyperPod{name}.v1.sagemaker.amazonaws.com" for name in ("PytorchJob", "PyTorchJob"))
_DEVICES = {"cuda": "nvidia.com/gpu", "neuron": "aws.amazon.com/neurondevice"}


class QueuePriority(Value):
    """A rank that jobs name."""

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,39}$")
    """Name."""
    weight: int = Field(ge=0, le=1_000_000)
    """The higher one goes first."""


class SharedQueue(Value):
    """All nodes of a cluster as one queue, first by priority, then by arrival."""

    namespaces: tuple[str, ...] = Field(min_length=1, max_length=50)
    """Where jobs may be submitted; each has the queue ``shared``, and is made where it is missing."""
    priorities: tuple[QueuePriority, ...] = ()
    """Ranks of jobs; the first to come is the first to run, by default."""
    preempts: bool
    """Whether a job with a higher rank takes nodes from jobs with lower ones, which commit within their grace and queue
    again."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for field, names in (("namespaces", self.namespaces), ("priorities", [one.name for one in self.priorities])):
            for name in names:
                if names.count(name) > 1:
                    reject(field, name, "each is named once", "Remove the repetition.")
        if self.preempts and len({one.weight for one in self.priorities}) < 2:
            reject("preempts", True, "among jobs of one rank there is nothing to take", "Give two priorities of "
                   "different weight, or preempts=False.")  # fmt: skip
        return self

    def manifests(self, groups: Sequence[InstanceGroup]) -> list[Manifest]:
        """Namespaces, flavours, the cluster's queue, those of the namespaces and ranks, held against their schemas.

        Args:
            groups: The cluster's, all of whose accelerators and memory are the quota; where a group has neither type
                nor number for certain, there is nothing to count.

        Raises:
            ContractError: A group takes whichever of several types there is.
        """
        amounts = _amounts(groups)
        flavors = [{"apiVersion": _API, "kind": "ResourceFlavor", "metadata": {"name": _flavor(name)},
                    "spec": {"nodeLabels": {_TYPE: name}}} for name in amounts]  # fmt: skip
        covered = sorted({resource for found in amounts.values() for resource in found})
        queue = {
            "apiVersion": _API,
            "kind": "ClusterQueue",
            "metadata": {"name": SHARED},
            "spec": {
                "namespaceSelector": {
                    "matchExpressions": [
                        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(self.namespaces)}
                    ]
                },
                "queueingStrategy": "BestEffortFIFO",
                "preemption": {"withinClusterQueue": "LowerPriority" if self.preempts else "Never"},
                "resourceGroups": [
                    {
                        "coveredResources": covered,
                        "flavors": [
                            {
                                "name": _flavor(name),
                                "resources": [
                                    {"name": resource, "nominalQuota": found.get(resource, 0)} for resource in covered
                                ],
                            }
                            for name, found in amounts.items()
                        ],
                    }
                ],
            },
        }
        places = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in self.namespaces]
        local = [{"apiVersion": _API, "kind": "LocalQueue", "metadata": {"name": SHARED, "namespace": name},
                  "spec": {"clusterQueue": SHARED}} for name in self.namespaces]  # fmt: skip
        ranks = [{"apiVersion": _API, "kind": "WorkloadPriorityClass", "metadata": {"name": one.name},
                  "value": one.weight} for one in self.priorities]  # fmt: skip
        made: list[Manifest] = [*places, *flavors, queue, *local, *ranks]
        return [check(found) for found in made]

    def values(self) -> dict[str, Any]:
        """What the chart is told."""
        configuration = {
            "apiVersion": "config.kueue.x-k8s.io/v1beta2",
            "kind": "Configuration",
            "health": {"healthProbeBindAddress": ":8081"},
            "metrics": {"bindAddress": ":8443"},
            "webhook": {"port": 9443},
            "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
            # Pods of operators and daemons are none of its business.
            "manageJobsWithoutQueueName": False,
            "integrations": {"frameworks": ["batch/job"], "externalFrameworks": list(_JOBS)},
            # Adapters, huge pages and scratch space go with the node, which accelerators and memory stand for.
            "resources": {"quotaCheckStrategy": "IgnoreUndeclared"},
        }
        image = {"tag": IMAGE.tag, "pullPolicy": "IfNotPresent"}
        return {
            "controllerManager": {"manager": {"image": image, "priorityClassName": "system-cluster-critical"}},
            # JSON is YAML.
            "managerConfig": {"controllerManagerConfigYaml": json.dumps(configuration, indent=2)},
        }

    def text(self) -> str:
        """The values file."""
        return json.dumps(self.values(), indent=2) + "\n"

    def mirror_commands(self, home: str) -> list[str]:
        """What brings chart and image into the account's registry, once a version.

        Args:
            home: Where they lie, ``<registry>/<namespace>``.
        """
        return [
            f"helm pull {SOURCE} --version {VERSION}",
            f"helm push {CHART}-{VERSION}.tgz oci://{home}",
            f"crane copy {IMAGE.source}:{IMAGE.tag} {home}/{IMAGE.repository}:{IMAGE.tag}",
        ]

    def install_command(self, home: str) -> str:
        """What installs it, once nodes are there: a webhook without a pod would hold up what it watches.

        Args:
            home: Where chart and image lie.
        """
        return (f"helm upgrade --install {CHART} oci://{home}/{CHART} --version {VERSION} --namespace {NAMESPACE} "
                f"--create-namespace --values kueue.json --set controllerManager.manager.image.repository={home}/"
                f"{IMAGE.repository} --wait --timeout 10m")  # fmt: skip


def _flavor(instance_type: str) -> str:
    return instance_type.replace(".", "-")


def _amounts(groups: Sequence[InstanceGroup]) -> dict[str, dict[str, int | str]]:
    """Accelerators and memory of all nodes by their type."""
    counts: dict[str, int] = {}
    for group in groups:
        if len(group.hosts.types) > 1:
            reject(f"groups.{group.name}.hosts", group.hosts.types, "nobody knows how many of which type there will be",
                   "Take OneType, or a cluster without a queue.")  # fmt: skip
        counts[group.hosts.types[0]] = counts.get(group.hosts.types[0], 0) + group.count
    entries = {entry.name: entry for group in groups for entry in group.hosts.entries}
    found: dict[str, dict[str, int | str]] = {}
    for name, count in counts.items():
        entry = entries[name]
        amounts: dict[str, int | str] = {"memory": f"{int(entry.memory_gib * count)}Gi"}
        if entry.device is not None and entry.device.runs_on in _DEVICES:
            amounts[_DEVICES[entry.device.runs_on]] = entry.accelerators * count
        found[name] = amounts
    return found
