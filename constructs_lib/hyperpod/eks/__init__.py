"""EKS as HyperPod's orchestrator: control plane, add-ons, charts, identities, and manifests that are checked here."""

from constructs_lib.hyperpod.eks.access import Administrator, Scientist, Viewer
from constructs_lib.hyperpod.eks.addons import (
    CertManager,
    CoreDns,
    FsxDriver,
    InferenceOperator,
    KubeProxy,
    MetricsServer,
    Observability,
    PodIdentityAgent,
    S3Driver,
    TaskGovernance,
    TrainingOperator,
    VpcCni,
)
from constructs_lib.hyperpod.eks.bundle import ManifestBundle
from constructs_lib.hyperpod.eks.control_plane import (
    ControlPlane,
    ControlPlaneSettings,
    PrivateEndpoint,
    RestrictedEndpoint,
)
from constructs_lib.hyperpod.eks.identities import PodIdentity
from constructs_lib.hyperpod.eks.installation import ChartInstallation
from constructs_lib.hyperpod.eks.kueue import QueuePriority, SharedQueue
from constructs_lib.hyperpod.eks.queues import Queued, TeamQueue, Unqueued
from constructs_lib.hyperpod.eks.recovery import LogRule, Recovery, steps_go_on
from constructs_lib.hyperpod.eks.scaling import ScaledPool
from constructs_lib.hyperpod.eks.teams import team_role
from constructs_lib.hyperpod.eks.volumes import ClaimedVolume, HostFolder, LustreClaim, S3Claim

__all__ = [
    "Administrator",
    "CertManager",
    "ChartInstallation",
    "ClaimedVolume",
    "ControlPlane",
    "ControlPlaneSettings",
    "CoreDns",
    "FsxDriver",
    "HostFolder",
    "InferenceOperator",
    "KubeProxy",
    "LogRule",
    "LustreClaim",
    "ManifestBundle",
    "MetricsServer",
    "Observability",
    "PodIdentity",
    "PodIdentityAgent",
    "PrivateEndpoint",
    "QueuePriority",
    "Queued",
    "Recovery",
    "RestrictedEndpoint",
    "S3Claim",
    "S3Driver",
    "ScaledPool",
    "Scientist",
    "SharedQueue",
    "TaskGovernance",
    "TeamQueue",
    "TrainingOperator",
    "Unqueued",
    "Viewer",
    "VpcCni",
    "steps_go_on",
    "team_role",
]
