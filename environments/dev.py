"""Development: two small GPU hosts on spot capacity, a small cluster of each kind, nothing protected."""

from constructs_lib.budgets import Anomalies, DenyStarts, QuotaAlarms, SpendLimit, Threshold
from constructs_lib.guardrails import Guardrails
from constructs_lib.hyperpod.eks.queues import Unqueued
from constructs_lib.hyperpod.eks.recovery import Recovery
from constructs_lib.hyperpod.jobs.places import FolderChannel
from constructs_lib.hyperpod.jobs.runtimes import VirtualEnvironment
from constructs_lib.lustre import LustreSettings, Scratch2
from constructs_lib.network import (
    EKS_CLUSTER,
    HYPERPOD,
    JOBS,
    LUSTRE_CLIENTS,
    MANAGED_MLFLOW,
    MANAGED_PROMETHEUS,
    PODS,
    ClusterSubnet,
    NetworkSettings,
    Nodes,
)
from constructs_lib.observability import HARDWARE, MetricsSettings, NodeHealth, training
from constructs_lib.observability import SLURM as SLURM_RULES
from constructs_lib.operation import (
    ClusterAlarms,
    EndpointAlarms,
    FileAlarms,
    MirrorAlarms,
    PipelineAlarms,
    SpotRate,
    SupplyAlarms,
)
from constructs_lib.serving import ServingResources
from constructs_lib.serving.registry import DeploymentSettings
from constructs_lib.serving.rollout import AllAtOnce, GpuMemory, RollbackAlarms, ServerErrorRate, SlowAnswers
from constructs_lib.serving.scaling import InvocationsPerInstance, Scaling
from constructs_lib.storage import StorageSettings
from constructs_lib.training import (
    EcrImage,
    MlflowSettings,
    ProcessingResources,
    RetryPolicy,
    SpotCapacity,
    TrainingResources,
)
from environments.delivered import QUALIFIER, by_github
from ml_contract.packaging import GpuInstances, PackageOptions
from ml_contract.packaging.engine import Lengths, TensorRtEngine
from ml_contract.training.optimization import AdamW, Cosine, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Checkpointing, Loading
from ml_contract.workloads import bytes_lm
from stacks.budgeted import Budgets
from stacks.clusters import EksCluster, EksRun, NoSpares, SharedFiles, SlurmCluster, SlurmRun
from stacks.clusters import recipes as clusters
from stacks.environment import Environment
from stacks.operated import Operation
from stacks.packaging import TritonPackaging
from stacks.paged import Pages
from stacks.served import Instances, ServedWorkload
from stacks.watched import Observability
from stacks.workload_training import Criterion, WorkloadTraining

RUN = TrainingRun(
    workload=bytes_lm.BytesLm(dimension=512, layers=8, heads=8, sequence_length=1024),
    strategy=Fsdp(),
    optimizer=AdamW(learning_rate=1e-3),
    schedule=Cosine(warmup_steps=100),
    precision=Precision(compute="bfloat16"),
    global_batch_size=32,
    steps=2000,
    loading=Loading(workers=2),
    checkpointing=Checkpointing(every_steps=200),
)
ACCOUNT = "111111111111"
A10G_NODES = 2
FILES = SharedFiles(
    name="shared",
    subnet="Slurm",
    settings=LustreSettings(
        deployment=Scratch2(capacity_gib=1200),
        compression="LZ4",
        maintenance="7:03:00",
        mirror=clusters.mirrored_datasets(log_days=14),
    ),
)  # fmt: skip
SLURM = SlurmCluster(
    settings=clusters.slurm_on_g5(name="slurm", zone="us-east-1a", workers=A10G_NODES, file_system=FILES.name),
    subnet="Slurm",
    spares=NoSpares(),
    orchestrator=clusters.SLURM_ALONE,
    runs=(
        SlurmRun(
            name="bytes-lm",
            run=RUN,
            resources=TrainingResources(
                instance_type="ml.g5.xlarge", instance_count=A10G_NODES, volume_gib=50, efa=False
            ),
            data=(FolderChannel(name="train", path="/fsx/datasets/bytes-lm/train"),),
            runtime=VirtualEnvironment(path="/fsx/environments/trainyard"),
            output="/fsx/runs",
            time_limit_minutes=240,
            partition=clusters.PARTITION,
        ),
    ),
)

EKS = EksCluster(
    settings=clusters.eks_on_g5(name="eks", zone="us-east-1b", workers=A10G_NODES),
    subnet="Eks",
    spares=NoSpares(),
    control_plane=clusters.control_plane(
        name="eks", administrator=f"arn:aws:iam::{ACCOUNT}:role/PlatformEngineers", log_days=14
    ),
    addons=clusters.ADDONS,
    runs=(
        EksRun(
            name="bytes-lm",
            run=RUN,
            resources=TrainingResources(
                instance_type="ml.g5.xlarge", instance_count=A10G_NODES, volume_gib=50, efa=False
            ),
            data="bytes-lm/train",
            container=clusters.AGENT_IMAGE,
            placement=Unqueued(name="default"),
            service_account="trainer",
            memory_gib=14,
            shared_memory_gib=4,
            recovery=Recovery(restarts=6, full_restarts=2),
        ),
    ),
)

DEV = Environment(
    name="dev",
    team="platform",
    account=ACCOUNT,
    region="us-east-1",
    protected=False,
    qualifier=QUALIFIER,
    delivery=by_github("dev"),
    network=NetworkSettings(
        cidr="10.20.0.0/22",
        availability_zones=("us-east-1a", "us-east-1b"),
        nodes=16,
        efa=False,
        log_days=14,
        purposes=(JOBS, HYPERPOD, EKS_CLUSTER, LUSTRE_CLIENTS, MANAGED_PROMETHEUS, MANAGED_MLFLOW),
        clusters=(
            ClusterSubnet(
                name="Slurm",
                zone="us-east-1a",
                nodes=(
                    Nodes(instance_type="ml.g5.xlarge", count=A10G_NODES),
                    Nodes(instance_type="ml.m5.xlarge", count=1),
                ),
                others=FILES.settings.deployment.addresses,
            ),
            ClusterSubnet(
                name="Eks",
                zone="us-east-1b",
                nodes=(
                    Nodes(instance_type="ml.g5.xlarge", count=A10G_NODES, pods=PODS),
                    Nodes(instance_type="ml.m5.xlarge", count=1, pods=PODS),
                ),
                cidr="10.21.0.0/23",
            ),
        ),
    ),
    storage=StorageSettings(checkpoint_days=14, replaced_days=7, access_log_days=30),
    guardrails=Guardrails(
        instance_families=("ml.g5", "ml.m5"),
        max_run_seconds=8 * 3600,
        encrypt_traffic=False,  # slows gradients down, of data that is nobody's
        network_isolation=False,  # hosts exchange gradients
    ),
    budgets=Budgets(
        limits=(
            SpendLimit(
                usd=12_000,
                period="monthly",
                thresholds=(
                    Threshold(percent=100, of="forecast", severity="warning"),
                    Threshold(percent=80, of="actual", severity="warning"),
                    Threshold(percent=100, of="actual", severity="critical"),
                ),
                used_up=DenyStarts(approval="automatic"),
            ),
        ),
        anomalies=Anomalies(usd=200, percent=40, severity="notice"),
        quotas=QuotaAlarms(percent=80),
    ),
    operation=Operation(
        log_days=14,
        pipelines=(
            PipelineAlarms(
                workloads=("bytes-lm",),
                execution_minutes=12 * 60,
                silent_minutes=20,
                checkpoint_minutes=10,
                interruptions=SpotRate(per_hour=0.1),
            ),
        ),
        endpoints=(
            EndpointAlarms(
                endpoints=("bytes-lm",),
                errors=ServerErrorRate(percent=5),
                slow=SlowAnswers(p99_milliseconds=2000),
                memory=GpuMemory(percent=90),
            ),
        ),
        supplies=SupplyAlarms(buckets=("checkpoints",), refused=50, minutes=24 * 60),
        clusters=ClusterAlarms(lost_nodes=1, minutes=60),
        files=FileAlarms(left_percent=10, mirror=MirrorAlarms(behind_minutes=60, failures=10)),
    ),
    pages=Pages(log_days=14),
    mlflow=MlflowSettings(maintenance="Sun:03:30"),
    file_systems=(FILES,),
    clusters=(SLURM, EKS),
    trainings=(
        WorkloadTraining(
            run=RUN,
            prepare=bytes_lm.PrepareOptions(maximum_bytes=64 * 2**20, shard_bytes=4 * 2**20),
            evaluate=bytes_lm.EvaluateOptions(maximum_bytes=4 * 2**20),
            image=EcrImage(repository="trainyard-training", tag="1"),
            resources=TrainingResources(instance_type="ml.g5.2xlarge", instance_count=2, volume_gib=100, efa=False),
            capacity=SpotCapacity(max_run_seconds=4 * 3600, max_wait_seconds=12 * 3600),
            retries=(
                RetryPolicy(
                    failures=("SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
                    interval_seconds=300,
                    backoff_rate=1.5,
                    expire_after_minutes=720,
                ),
                RetryPolicy(
                    failures=("Step.SERVICE_FAULT", "Step.THROTTLING", "SageMaker.JOB_INTERNAL_ERROR"),
                    interval_seconds=30,
                    max_attempts=5,
                ),
            ),
            processing=ProcessingResources(instance_type="ml.g5.xlarge", volume_gib=50, max_run_seconds=3600),
            criterion=Criterion(
                figure="bits_per_byte", better="LessThan", threshold=2.5, baseline="order0_bits_per_byte"
            ),
            approval="Approved",
            packaging=TritonPackaging(
                package=PackageOptions(
                    backend="tensorrt",
                    instances=GpuInstances(),
                    engine=TensorRtEngine(
                        instance_type="ml.g5.xlarge", precision="fp16", lengths=Lengths(typical=256, longest=1024)
                    ),
                ),
                instance_types=("ml.g5.xlarge",),
            ),
        ),
    ),
    # No Grafana, which is paid by the person: alerts, and PromQL over the workspace's own API.
    observability=Observability(
        metrics=MetricsSettings(
            alias="dev",
            days=30,
            rules=(HARDWARE, SLURM_RULES, training(silent_minutes=30, checkpoint_minutes=10)),
            log_days=14,
        ),
        grafana=None,
        watched=(NodeHealth(),),
        log_days=14,
    ),
    endpoints=(
        ServedWorkload(
            name="bytes-lm",
            workload="bytes-lm",
            hosting=Instances(
                resources=ServingResources(instance_type="ml.g5.xlarge", instance_count=1, start_seconds=600),
                scaling=Scaling(minimum=1, maximum=2, rules=(InvocationsPerInstance(per_minute=600),)),
            ),
            rollout=AllAtOnce(
                bake_seconds=300,
                timeout_seconds=3600,
                alarms=RollbackAlarms(watches=(ServerErrorRate(percent=5), SlowAnswers(p99_milliseconds=2000))),
            ),
            on_approval=DeploymentSettings(log_days=14),
        ),
    ),
)
