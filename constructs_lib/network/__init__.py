"""Networks for training, clusters and serving: closed unless a way out is asked for, and sized for their nodes."""

from constructs_lib.network.endpoints import ENDPOINTS, Endpoint
from constructs_lib.network.facts import GroupRule, ImportedCluster, ImportedGroup, ImportedSubnet
from constructs_lib.network.imported import ImportedNetwork
from constructs_lib.network.layout import ClusterSubnet
from constructs_lib.network.network import Network
from constructs_lib.network.plan import NetworkPlan, Place
from constructs_lib.network.purposes import (
    ACCOUNTING,
    CUSTOM_RESOURCES,
    EKS_CLUSTER,
    HYPERPOD,
    INFERENCE_OPERATOR,
    JOBS,
    JUMPSTART,
    LUSTRE_CLIENTS,
    MANAGED_MLFLOW,
    MANAGED_PROMETHEUS,
    REMOTE_DEBUGGING,
    Purpose,
)
from constructs_lib.network.settings import NetworkSettings
from constructs_lib.network.sizing import PODS, Nodes, addresses, subnet_prefix
from constructs_lib.network.way_out import Closed, EgressVpc, Nat, WayOut
from constructs_lib.network.zones import know_availability_zones

__all__ = [
    "ACCOUNTING",
    "CUSTOM_RESOURCES",
    "EKS_CLUSTER",
    "ENDPOINTS",
    "HYPERPOD",
    "INFERENCE_OPERATOR",
    "JOBS",
    "JUMPSTART",
    "LUSTRE_CLIENTS",
    "MANAGED_MLFLOW",
    "MANAGED_PROMETHEUS",
    "PODS",
    "REMOTE_DEBUGGING",
    "Closed",
    "ClusterSubnet",
    "EgressVpc",
    "Endpoint",
    "GroupRule",
    "ImportedCluster",
    "ImportedGroup",
    "ImportedNetwork",
    "ImportedSubnet",
    "Nat",
    "Network",
    "NetworkPlan",
    "NetworkSettings",
    "Nodes",
    "Place",
    "Purpose",
    "WayOut",
    "addresses",
    "know_availability_zones",
    "subnet_prefix",
]
