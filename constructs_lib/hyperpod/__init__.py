"""HyperPod clusters: groups of instances, what orchestrates them, and what keeps them whole."""

from constructs_lib.hyperpod.autoscaling import Karpenter
from constructs_lib.hyperpod.capacity import OnDemand, Spot, TrainingPlan
from constructs_lib.hyperpod.duties import Compute, Controller, KubernetesNode, Login, Taint
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.hosts import FirstAvailable, OneType
from constructs_lib.hyperpod.patching import Instances, Percent, Rolling, Scheduled, WhenIdle
from constructs_lib.hyperpod.settings import ClusterSettings, TieredCheckpoints
from constructs_lib.hyperpod.storage import LustreFileSystem, Mount, OpenZfsFileSystem

__all__ = [
    "ClusterSettings",
    "Compute",
    "Controller",
    "FirstAvailable",
    "InstanceGroup",
    "Instances",
    "Karpenter",
    "KubernetesNode",
    "Login",
    "LustreFileSystem",
    "Mount",
    "OnDemand",
    "OneType",
    "OpenZfsFileSystem",
    "Percent",
    "Rolling",
    "Scheduled",
    "Spot",
    "Taint",
    "TieredCheckpoints",
    "TrainingPlan",
    "WhenIdle",
]
