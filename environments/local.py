"""The embedded cloud: two CPU hosts, small enough for two cores, and an endpoint of each kind that runs there."""

from dataclasses import replace
from functools import partial

from constructs_lib.budgets import DenyStarts, SpendLimit, TeamInstances, Threshold
from constructs_lib.guardrails import Guardrails
from constructs_lib.network import NetworkSettings
from constructs_lib.operation import EndpointAlarms, PipelineAlarms, SpotRate, SupplyAlarms
from constructs_lib.serving import ServingResources
from constructs_lib.serving.registry import DeploymentSettings
from constructs_lib.serving.rollout import AllAtOnce, RollbackAlarms, ServerErrorRate, SlowAnswers
from constructs_lib.serving.scaling import Backlog, InvocationsPerInstance, Scaling, WakeFromZero
from constructs_lib.storage import StorageSettings
from constructs_lib.training import (
    EcrImage,
    ProcessingResources,
    RetryPolicy,
    SpotCapacity,
    TrainingResources,
)
from ml_contract.packaging import PackageOptions
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp
from ml_contract.training.surroundings import Checkpointing, Watching
from ml_contract.workloads import arr_coc, bytes_lm, digits, llama
from stacks.budgeted import Budgets
from stacks.environment import Environment
from stacks.operated import Operation
from stacks.packaging import TritonPackaging
from stacks.paged import Pages
from stacks.served import Caller, Capture, Instances, Queue, ServedCatalogue, ServedWorkload
from stacks.served import recipes as serving
from stacks.workload_training import Criterion, WorkloadTraining

on_cpu = partial(ServingResources, instance_type="ml.c5.xlarge", instance_count=1, start_seconds=120)
RETRIES = (
    RetryPolicy(failures=("SageMaker.CAPACITY_ERROR",), interval_seconds=2, backoff_rate=1.0, max_attempts=3),
    RetryPolicy(failures=("Step.SERVICE_FAULT", "Step.THROTTLING"), interval_seconds=2, max_attempts=3),
)
TRITON_CPU = TritonPackaging(package=PackageOptions(backend="python"), instance_types=("ml.c5.xlarge",))

SIGNS = Watching(pulse_seconds=2)

on_two_hosts = partial(
    WorkloadTraining,
    image=EcrImage(repository="trainyard-training", tag="1"),
    resources=TrainingResources(instance_type="ml.m5.large", instance_count=2, volume_gib=30, efa=False),
    capacity=SpotCapacity(max_run_seconds=3600, max_wait_seconds=7200),
    retries=RETRIES,
    processing=ProcessingResources(instance_type="ml.c5.xlarge", volume_gib=30, max_run_seconds=1800),
    approval="Approved",
)

BYTES_LM = on_two_hosts(
    # 0.38 million parameters that see 0.65 million bytes in about 20 s when two cores are idle, and come to about 2.8
    # bits per byte.
    run=TrainingRun(
        workload=bytes_lm.BytesLm(),
        strategy=Fsdp(),
        optimizer=AdamW(learning_rate=6e-3),
        schedule=Cosine(warmup_steps=24),
        global_batch_size=32,
        steps=160,
        checkpointing=Checkpointing(every_steps=20),
        watching=SIGNS,
    ),
    prepare=bytes_lm.PrepareOptions(),
    evaluate=bytes_lm.EvaluateOptions(maximum_bytes=2**17),
    criterion=Criterion(figure="bits_per_byte", better="LessThan", threshold=3.2, baseline="order0_bits_per_byte"),
    packaging=TRITON_CPU,
)

DIGITS = on_two_hosts(
    run=TrainingRun(
        workload=digits.Digits(),
        strategy=Ddp(),
        optimizer=AdamW(learning_rate=4e-3),
        schedule=Cosine(warmup_steps=20),
        global_batch_size=64,
        steps=1000,
        checkpointing=Checkpointing(every_steps=100),
        watching=SIGNS,
    ),
    prepare=digits.PrepareOptions(),
    evaluate=digits.EvaluateOptions(),
    criterion=Criterion(
        figure="accuracy", better="GreaterThan", threshold=0.97, baseline="logistic_regression_accuracy"
    ),
    packaging=TRITON_CPU,
)

LLAMA = on_two_hosts(
    run=TrainingRun(
        workload=replace(llama.LLAMA_TINY, graph=True),
        strategy=DeepSpeed(stage=2),
        optimizer=AdamW(learning_rate=6e-3),
        schedule=Cosine(warmup_steps=20),
        global_batch_size=16,
        steps=200,
        checkpointing=Checkpointing(every_steps=20),
        watching=SIGNS,
    ),
    prepare=llama.PrepareOptions(maximum_bytes=2**20),
    evaluate=llama.EvaluateOptions(maximum_tokens=2**16),
    criterion=Criterion(figure="bits_per_byte", better="LessThan", threshold=3.4, baseline="order0_bits_per_byte"),
    packaging=TRITON_CPU,
)

ARR_COC = on_two_hosts(
    run=TrainingRun(
        workload=replace(arr_coc.ARR_COC_TINY, graph=True),
        strategy=Fsdp(sharding="shard_grad_op"),
        optimizer=AdamW(learning_rate=3e-3),
        schedule=Cosine(warmup_steps=40),
        global_batch_size=16,
        steps=800,
        checkpointing=Checkpointing(every_steps=50),
        watching=SIGNS,
    ),
    prepare=arr_coc.PrepareOptions(train_samples=2048),
    evaluate=arr_coc.EvaluateOptions(),
    criterion=Criterion(figure="accuracy", better="GreaterThan", threshold=0.5, baseline="majority_accuracy"),
    packaging=TRITON_CPU,
)

LOCAL = Environment(
    name="local",
    team="platform",
    account="123456789012",
    region="us-east-1",
    protected=False,
    network=NetworkSettings(
        cidr="10.10.0.0/24", availability_zones=("us-east-1a", "us-east-1b"), nodes=17, efa=False, log_days=1
    ),
    storage=StorageSettings(checkpoint_days=7, replaced_days=1, access_log_days=7),
    guardrails=Guardrails(
        instance_families=("ml.c5", "ml.m5"), max_run_seconds=4 * 3600, encrypt_traffic=False, network_isolation=False
    ),
    budgets=Budgets(
        limits=(
            SpendLimit(
                usd=25,
                period="monthly",
                thresholds=(
                    Threshold(percent=80, of="actual", severity="warning"),
                    Threshold(percent=100, of="actual", severity="critical"),
                ),
                used_up=DenyStarts(approval="automatic"),
            ),
        ),
        anomalies=None,
        quotas=None,
        teams=(TeamInstances(team="platform", instances={"ml.m5.large": 8, "ml.c5.xlarge": 8}),),
    ),
    operation=Operation(
        log_days=1,
        pipelines=(
            # Steps take a tenth of a second, and commits come every few: what an incident shows takes no minutes.
            PipelineAlarms(
                workloads=("digits", "bytes-lm", "llama", "arr-coc"),
                execution_minutes=20,
                silent_minutes=1,
                checkpoint_minutes=1,
                interruptions=SpotRate(per_hour=0.1),
            ),
        ),
        endpoints=(
            EndpointAlarms(
                endpoints=("bytes-lm", "digits", "llama", "arr-coc", "catalogue"),
                errors=ServerErrorRate(percent=5, period_seconds=10, periods=1, of_these=1),
                slow=SlowAnswers(p99_milliseconds=5000, period_seconds=10, periods=3, of_these=2),
                memory=None,
            ),
        ),
        supplies=SupplyAlarms(buckets=("data", "checkpoints", "artifacts"), refused=5, minutes=5),
    ),
    pages=Pages(log_days=1),
    trainings=(DIGITS, BYTES_LM, LLAMA, ARR_COC),
    endpoints=(
        ServedWorkload(
            name="bytes-lm",
            workload="bytes-lm",
            hosting=Instances(
                resources=on_cpu(),
                scaling=Scaling(minimum=1, maximum=2, rules=(InvocationsPerInstance(per_minute=6000),)),
            ),
            rollout=AllAtOnce(
                bake_seconds=30,
                timeout_seconds=600,
                alarms=RollbackAlarms(watches=(ServerErrorRate(percent=5, period_seconds=10, periods=1, of_these=1),)),
            ),
            capture=Capture(percentage=10),
        ),
        ServedWorkload(
            name="digits",
            workload="digits",
            hosting=serving.SERVERLESS_4_GB,
            on_approval=DeploymentSettings(poll_seconds=5, timeout_seconds=1800, log_days=1),
        ),
        ServedWorkload(name="llama", workload="llama", hosting=serving.SERVERLESS_6_GB),
        ServedWorkload(
            name="arr-coc",
            workload="arr-coc",
            hosting=Instances(
                resources=on_cpu(),
                scaling=Scaling(minimum=0, maximum=1, rules=(Backlog(per_instance=4), WakeFromZero())),
            ),
            queue=Queue(concurrent_invocations=2),
        ),
        ServedCatalogue(
            name="catalogue",
            hosting=Instances(resources=on_cpu()),
            callers=(
                # One reads text, the other images: neither may ask for the other's models.
                Caller(name="search", models=("bytes-lm/*",)),
                Caller(name="vision", models=("arr-coc/*",)),
            ),
        ),
    ),
)
