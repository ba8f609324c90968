"""HyperPod clusters: groups of instances, what orchestrates them, and what keeps them whole."""

from constructs_lib.hyperpod.accounting import AccountingDatabase
from constructs_lib.hyperpod.autoscaling import Karpenter, NodeClass
from constructs_lib.hyperpod.capacity import OnDemand, Spot, TrainingPlan
from constructs_lib.hyperpod.cluster import HyperPodCluster
from constructs_lib.hyperpod.duties import Compute, Controller, KubernetesNode, Login, Taint
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.hosts import FirstAvailable, OneType
from constructs_lib.hyperpod.lifecycle import Lifecycle
from constructs_lib.hyperpod.orchestrators import ByApi, ByFile, Eks, NodeScripts, Slurm
from constructs_lib.hyperpod.patching import Instances, Percent, Rolling, Scheduled, WhenIdle
from constructs_lib.hyperpod.settings import ClusterSettings, TieredCheckpoints
from constructs_lib.hyperpod.storage import Mount, SharedLustre, SharedOpenZfs

__all__ = [
    "AccountingDatabase",
    "ByApi",
    "ByFile",
    "ClusterSettings",
    "Compute",
    "Controller",
    "Eks",
    "FirstAvailable",
    "HyperPodCluster",
    "InstanceGroup",
    "Instances",
    "Karpenter",
    "KubernetesNode",
    "Lifecycle",
    "Login",
    "Mount",
    "NodeClass",
    "NodeScripts",
    "OnDemand",
    "OneType",
    "Percent",
    "Rolling",
    "Scheduled",
    "SharedLustre",
    "SharedOpenZfs",
    "Slurm",
    "Spot",
    "Taint",
    "TieredCheckpoints",
    "TrainingPlan",
    "WhenIdle",
]
