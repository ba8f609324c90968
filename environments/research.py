"""Research: an EKS cluster of sixteen hosts of eight H100 that teams share, and the pipeline of one workload."""

from constructs_lib.hyperpod.eks.queues import Unqueued
from constructs_lib.hyperpod.eks.recovery import Recovery, steps_go_on
from constructs_lib.network import EKS_CLUSTER, HYPERPOD, JOBS, PODS, ClusterSubnet, NetworkSettings, Nodes
from constructs_lib.storage import StorageSettings
from constructs_lib.training import TrainingResources
from environments.large import BYTES_LM
from stacks.clusters import EksCluster, EksRun
from stacks.clusters import recipes as clusters
from stacks.environment import Environment

ACCOUNT = "333333333333"
H100_NODES = 16
EKS = EksCluster(
    settings=clusters.eks_on_p5(name="eks", zone="us-east-2b", workers=H100_NODES),
    subnet="Eks",
    control_plane=clusters.control_plane(
        name="eks", administrator=f"arn:aws:iam::{ACCOUNT}:role/PlatformEngineers", log_days=365
    ),
    addons=clusters.ADDONS,
    runs=(
        EksRun(
            name="bytes-lm",
            run=BYTES_LM.run,
            resources=TrainingResources(instance_type=clusters.P5, instance_count=H100_NODES, volume_gib=500, efa=True),
            data="bytes-lm/train",
            container=clusters.AGENT_IMAGE,
            placement=Unqueued(name="default"),
            service_account="trainer",
            memory_gib=1900,
            shared_memory_gib=512,
            recovery=Recovery(
                restarts=12, full_restarts=4, rules=(steps_go_on(first_within_s=1800, next_within_s=900),)
            ),
            only_checked=True,
        ),
    ),
)

RESEARCH = Environment(
    name="research",
    account=ACCOUNT,
    region="us-east-2",
    protected=True,
    network=NetworkSettings(
        cidr="10.48.0.0/20",
        availability_zones=("us-east-2a", "us-east-2b"),
        nodes=8,
        efa=True,
        log_days=365,
        purposes=(JOBS, HYPERPOD, EKS_CLUSTER),
        clusters=(
            ClusterSubnet(
                name="Eks",
                zone="us-east-2b",
                nodes=(
                    Nodes(instance_type=clusters.P5, count=H100_NODES, interface="efa-only", pods=PODS),
                    Nodes(instance_type="ml.m5.4xlarge", count=2, pods=PODS),
                ),
                cidr="10.49.0.0/21",
            ),
        ),
    ),
    storage=StorageSettings(checkpoint_days=60, replaced_days=30, access_log_days=365),
    trainings=(BYTES_LM,),
    endpoints=(),
    clusters=(EKS,),
)
