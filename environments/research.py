"""Research: an EKS cluster of sixteen hosts of eight H100 that teams share, two spares, and the pipeline of one
workload."""

import dataclasses

from constructs_lib.budgets import Anomalies, OnlyTell, QuotaAlarms, SpendLimit, Threshold
from constructs_lib.governance import (
    DriftCheck,
    GovernanceSettings,
    Instances,
    Lend,
    LendAndBorrow,
    PriorityClass,
    SchedulerPolicy,
    TeamQuota,
    Tell,
)
from constructs_lib.hyperpod.eks.addons import TaskGovernance
from constructs_lib.hyperpod.eks.queues import TeamQueue
from constructs_lib.hyperpod.eks.recovery import Recovery, steps_go_on
from constructs_lib.network import (
    EKS_CLUSTER,
    HYPERPOD,
    INFERENCE_OPERATOR,
    JOBS,
    MANAGED_PROMETHEUS,
    PODS,
    ClusterSubnet,
    NetworkSettings,
    Nodes,
)
from constructs_lib.observability import (
    HARDWARE,
    KUEUE,
    FromAnywhere,
    GrafanaSettings,
    IdentityCenter,
    MetricsSettings,
    NodeHealth,
    Operations,
    StateChanges,
    goodput,
    training,
)
from constructs_lib.operation import ClusterAlarms, PipelineAlarms, SupplyAlarms
from constructs_lib.storage import StorageSettings
from constructs_lib.training import TrainingResources
from environments.delivered import QUALIFIER, by_github
from environments.large import BYTES_LM, GUARDRAILS, SPARES
from ml_contract.training.surroundings import Checkpointing, MemoryTier
from stacks.budgeted import Budgets
from stacks.clusters import EksCluster, EksRun
from stacks.clusters import recipes as clusters
from stacks.environment import Environment
from stacks.operated import Operation
from stacks.paged import Pages
from stacks.watched import Observability

ACCOUNT = "333333333333"
H100_NODES = 16
"""Of all quotas together, and so of the largest run."""
SPARE_NODES = 2
EKS = EksCluster(
    settings=clusters.eks_on_p5(name="eks", zone="us-east-1b", workers=H100_NODES + SPARE_NODES),
    subnet="Eks",
    spares=SPARES,
    control_plane=clusters.control_plane(
        name="eks", administrator=f"arn:aws:iam::{ACCOUNT}:role/PlatformEngineers", log_days=365
    ),
    addons=(*clusters.serving("served"), TaskGovernance()),
    governance=GovernanceSettings(
        policy=SchedulerPolicy(
            name="shared",
            fair_share="Enabled",
            classes=(PriorityClass(name="training", weight=80), PriorityClass(name="experiments", weight=20)),
        ),
        quotas=(
            TeamQuota(
                team="models",
                weight=60,
                resources=(Instances(instance_type=clusters.P5, count=12),),
                sharing=LendAndBorrow(limit_percent=100),
            ),
            TeamQuota(
                team="vision", weight=40, resources=(Instances(instance_type=clusters.P5, count=4),), sharing=Lend()
            ),
        ),
        drift=DriftCheck(every_minutes=30, then=Tell()),
    ),
    runs=(
        EksRun(
            name="bytes-lm",
            run=dataclasses.replace(
                BYTES_LM.run, checkpointing=Checkpointing(every_steps=500, memory=MemoryTier(every_steps=50))
            ),
            resources=TrainingResources(instance_type=clusters.P5, instance_count=H100_NODES, volume_gib=500, efa=True),
            data="bytes-lm/train",
            container=clusters.AGENT_IMAGE,
            placement=TeamQueue(team="models", priority="training"),
            service_account="trainer",
            memory_gib=1900,
            shared_memory_gib=512,
            checkpoint_memory_gib=64,
            recovery=Recovery(
                restarts=12, full_restarts=4, rules=(steps_go_on(first_within_s=1800, next_within_s=900),)
            ),
            only_checked=True,
        ),
    ),
)

RESEARCH = Environment(
    name="research",
    team="research",
    account=ACCOUNT,
    # CloudFormation has scheduler configurations in few regions: CDK's validation says in which.
    region="us-east-1",
    protected=True,
    qualifier=QUALIFIER,
    delivery=by_github("research"),
    network=NetworkSettings(
        cidr="10.48.0.0/20",
        availability_zones=("us-east-1a", "us-east-1b"),
        nodes=8,
        efa=True,
        log_days=365,
        purposes=(JOBS, HYPERPOD, EKS_CLUSTER, INFERENCE_OPERATOR, MANAGED_PROMETHEUS),
        clusters=(
            ClusterSubnet(
                name="Eks",
                zone="us-east-1b",
                nodes=(
                    Nodes(
                        instance_type=clusters.P5,
                        count=H100_NODES + SPARE_NODES,
                        interface="efa-only",
                        pods=PODS,
                    ),
                    Nodes(instance_type="ml.m5.4xlarge", count=2, pods=PODS),
                ),
                cidr="10.49.0.0/21",
            ),
        ),
    ),
    storage=StorageSettings(checkpoint_days=60, replaced_days=30, access_log_days=365),
    budgets=Budgets(
        limits=(
            SpendLimit(
                usd=2_500_000,
                period="quarterly",
                thresholds=(
                    Threshold(percent=100, of="forecast", severity="warning"),
                    Threshold(percent=100, of="actual", severity="critical"),
                ),
                used_up=OnlyTell(),
            ),
        ),
        anomalies=Anomalies(usd=2_000, percent=20, severity="warning"),
        quotas=QuotaAlarms(percent=80),
    ),
    operation=Operation(
        log_days=365,
        pipelines=(
            PipelineAlarms(
                workloads=("bytes-lm",),
                execution_minutes=3 * 24 * 60,
                silent_minutes=20,
                checkpoint_minutes=10,
                interruptions=None,
            ),
        ),
        endpoints=(),
        supplies=SupplyAlarms(buckets=("data", "checkpoints"), refused=50, minutes=24 * 60),
        clusters=ClusterAlarms(lost_nodes=1, minutes=60),
    ),
    pages=Pages(log_days=365),
    guardrails=GUARDRAILS,
    trainings=(BYTES_LM,),
    endpoints=(),
    clusters=(EKS,),
    observability=Observability(
        metrics=MetricsSettings(
            alias="research",
            days=150,
            rules=(
                HARDWARE,
                KUEUE,
                training(silent_minutes=30, checkpoint_minutes=10),
                goodput(least=0.9, held="1h"),
            ),
            log_days=90,
        ),
        grafana=GrafanaSettings(name="research", sign_in=IdentityCenter(), reach=FromAnywhere()),
        watched=(StateChanges(), NodeHealth(), Operations()),
        log_days=90,
    ),
)
