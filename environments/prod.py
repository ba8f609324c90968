"""Production: two hosts of eight A100 with EFA on demand, and a Slurm cluster of sixteen hosts of eight H100 and
two spares; data outlives its stacks, and a person approves models."""

from constructs_lib.budgets import Anomalies, DenyStarts, QuotaAlarms, SpendLimit, Threshold
from constructs_lib.hyperpod.jobs.places import FolderChannel
from constructs_lib.hyperpod.jobs.runtimes import VirtualEnvironment
from constructs_lib.lustre import LustreSettings, Persistent2
from constructs_lib.network import (
    ACCOUNTING,
    HYPERPOD,
    JOBS,
    LUSTRE_CLIENTS,
    MANAGED_PROMETHEUS,
    ClusterSubnet,
    NetworkSettings,
    Nodes,
)
from constructs_lib.observability import (
    HARDWARE,
    FromAnywhere,
    GrafanaSettings,
    IdentityCenter,
    MetricsSettings,
    NodeHealth,
    Operations,
    StateChanges,
    Storm,
    goodput,
    training,
)
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
from constructs_lib.serving.monitoring import Daily, MonitorResources
from constructs_lib.serving.registry import DeploymentSettings
from constructs_lib.serving.rollout import Canary, GpuMemory, Percent, RollbackAlarms, ServerErrorRate, SlowAnswers
from constructs_lib.serving.scaling import ConcurrentRequests, GpuUtilization, Scaling
from constructs_lib.storage import StorageSettings
from constructs_lib.training import TrainingResources
from environments.delivered import QUALIFIER, by_github
from environments.large import ARR_COC, BYTES_LM, GUARDRAILS, SPARES
from stacks.budgeted import Budgets
from stacks.clusters import SharedFiles, SlurmCluster, SlurmRun
from stacks.clusters import recipes as clusters
from stacks.environment import Environment
from stacks.operated import Operation
from stacks.paged import Pages
from stacks.served import Caller, Capture, Instances, MonitoredData, ServedCatalogue, ServedWorkload
from stacks.served import recipes as serving
from stacks.watched import Observability

H100_NODES = 16
"""Of the largest run."""
SPARE_NODES = 2
FILES = SharedFiles(
    name="shared",
    subnet="Slurm",
    settings=LustreSettings(
        deployment=Persistent2(capacity_gib=4800, throughput=1000, efa=True),
        compression="LZ4",
        maintenance="7:03:00",
        mirror=clusters.mirrored_datasets(log_days=365),
    ),
)  # fmt: skip
SLURM = SlurmCluster(
    settings=clusters.slurm_on_p5(
        name="slurm", zone="us-east-1b", workers=H100_NODES + SPARE_NODES, file_system=FILES.name
    ),
    subnet="Slurm",
    spares=SPARES,
    orchestrator=clusters.SLURM_WITH_ACCOUNTING,
    runs=(
        SlurmRun(
            name="bytes-lm",
            run=BYTES_LM.run,
            resources=TrainingResources(instance_type=clusters.P5, instance_count=H100_NODES, volume_gib=500, efa=True),
            data=(FolderChannel(name="train", path="/fsx/datasets/bytes-lm/train"),),
            runtime=VirtualEnvironment(path="/fsx/environments/trainyard"),
            output="/fsx/runs",
            time_limit_minutes=24 * 60,
            partition=clusters.PARTITION,
        ),
    ),
)

PROD = Environment(
    name="prod",
    team="platform",
    account="222222222222",
    region="us-east-1",
    protected=True,
    qualifier=QUALIFIER,
    delivery=by_github("prod"),
    network=NetworkSettings(
        cidr="10.32.0.0/20",
        availability_zones=("us-east-1a", "us-east-1b", "us-east-1d"),
        nodes=64,
        efa=True,
        log_days=365,
        purposes=(JOBS, HYPERPOD, ACCOUNTING, LUSTRE_CLIENTS, MANAGED_PROMETHEUS),
        clusters=(
            ClusterSubnet(
                name="Slurm",
                zone="us-east-1b",
                nodes=(
                    Nodes(instance_type=clusters.P5, count=H100_NODES + SPARE_NODES),
                    Nodes(instance_type="ml.m5.4xlarge", count=3),
                ),
                others=FILES.settings.deployment.addresses,
                cidr="10.33.0.0/21",
            ),
        ),
    ),
    storage=StorageSettings(checkpoint_days=60, replaced_days=30, access_log_days=365),
    budgets=Budgets(
        limits=(
            SpendLimit(
                usd=1_000_000,
                period="monthly",
                thresholds=(
                    Threshold(percent=100, of="forecast", severity="warning"),
                    Threshold(percent=90, of="actual", severity="warning"),
                    Threshold(percent=100, of="actual", severity="critical"),
                ),
                # Denying a release what it needs is for a person to decide.
                used_up=DenyStarts(approval="manual"),
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
            # Weights of 2 billion parameters are read and compiled before the first step.
            PipelineAlarms(
                workloads=("arr-coc",),
                execution_minutes=4 * 24 * 60,
                silent_minutes=30,
                checkpoint_minutes=10,
                interruptions=SpotRate(per_hour=0.05, window_hours=6),
            ),
        ),
        endpoints=(
            EndpointAlarms(
                endpoints=("bytes-lm", "bert-variants", "catalogue"),
                errors=ServerErrorRate(percent=1),
                slow=SlowAnswers(p99_milliseconds=1000),
                memory=GpuMemory(percent=90),
            ),
            EndpointAlarms(
                endpoints=("arr-coc", "llama-70b"),
                errors=ServerErrorRate(percent=1),
                slow=SlowAnswers(p99_milliseconds=60_000),
                memory=GpuMemory(percent=95),
            ),
        ),
        supplies=SupplyAlarms(buckets=("data", "checkpoints", "artifacts"), refused=50, minutes=24 * 60),
        clusters=ClusterAlarms(lost_nodes=1, minutes=60),
        files=FileAlarms(left_percent=10, mirror=MirrorAlarms(behind_minutes=30, failures=0)),
    ),
    pages=Pages(log_days=365),
    guardrails=GUARDRAILS,
    trainings=(BYTES_LM, ARR_COC),
    file_systems=(FILES,),
    clusters=(SLURM,),
    observability=Observability(
        metrics=MetricsSettings(
            alias="prod",
            days=365,
            rules=(
                HARDWARE,
                SLURM_RULES,
                training(silent_minutes=30, checkpoint_minutes=10),
                goodput(least=0.9, held="1h"),
            ),
            log_days=365,
        ),
        grafana=GrafanaSettings(name="prod", sign_in=IdentityCenter(), reach=FromAnywhere()),
        watched=(StateChanges(), NodeHealth(), Operations()),
        storm=Storm(events=10, minutes=60),
        log_days=365,
    ),
    endpoints=(
        ServedWorkload(
            name="bytes-lm",
            workload="bytes-lm",
            hosting=Instances(
                resources=ServingResources(instance_type="ml.g5.2xlarge", instance_count=2, start_seconds=900),
                scaling=Scaling(minimum=2, maximum=8, rules=(ConcurrentRequests(at_once=16),)),
            ),
            rollout=Canary(
                size=Percent(percent=50),
                bake_seconds=600,
                termination_wait_seconds=600,
                timeout_seconds=3 * 3600,
                alarms=RollbackAlarms(
                    watches=(
                        ServerErrorRate(percent=1),
                        SlowAnswers(p99_milliseconds=1000),
                        GpuMemory(percent=90),
                    )
                ),
            ),
            capture=Capture(percentage=5),
            # Model Monitor takes no new customers since 2026-07-30: an account that never used it leaves this out.
            monitors=(
                MonitoredData(
                    schedule=Daily(hour=4),
                    resources=MonitorResources(instance_type="ml.m5.xlarge", volume_gib=50, max_run_seconds=3600),
                ),
            ),
            on_approval=DeploymentSettings(log_days=365),
        ),
        serving.ARR_COC,
        serving.BERT_VARIANTS,
        serving.LLAMA_70B,
        ServedCatalogue(
            name="catalogue",
            callers=(
                # One reads text, the other images: neither may ask for the other's models.
                Caller(name="search", models=("bytes-lm/*",)),
                Caller(name="vision", models=("arr-coc/*",)),
            ),
            hosting=Instances(
                resources=ServingResources(instance_type="ml.g5.2xlarge", instance_count=1, start_seconds=600),
                scaling=Scaling(minimum=1, maximum=4, rules=(GpuUtilization(percent=70),)),
            ),
        ),
    ),
)
