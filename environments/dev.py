"""Development: two small GPU hosts on spot capacity, a larger model, nothing protected."""

from constructs_lib.network import NetworkSettings
from constructs_lib.serving import ServingResources
from constructs_lib.serving.registry import DeploymentSettings
from constructs_lib.serving.rollout import AllAtOnce, RollbackAlarms, ServerErrorRate, SlowAnswers
from constructs_lib.serving.scaling import InvocationsPerInstance, Scaling
from constructs_lib.storage import StorageSettings
from constructs_lib.training import (
    EcrImage,
    ProcessingResources,
    RetryPolicy,
    SpotCapacity,
    TrainingResources,
)
from ml_contract.packaging import GpuInstances, PackageOptions
from ml_contract.packaging.engine import Lengths, TensorRtEngine
from ml_contract.training.optimization import AdamW, Cosine, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Checkpointing, Loading
from ml_contract.workloads import bytes_lm
from stacks.environment import Environment
from stacks.packaging import TritonPackaging
from stacks.served import Instances, ServedWorkload
from stacks.workload_training import Criterion, WorkloadTraining

DEV = Environment(
    name="dev",
    account="111111111111",
    region="us-east-1",
    protected=False,
    network=NetworkSettings(
        cidr="10.20.0.0/22", availability_zones=("us-east-1a", "us-east-1b"), nodes=16, efa=False, log_days=14
    ),
    storage=StorageSettings(checkpoint_days=14, replaced_days=7, access_log_days=30),
    trainings=(
        WorkloadTraining(
            run=TrainingRun(
                workload=bytes_lm.BytesLm(dimension=512, layers=8, heads=8, sequence_length=1024),
                strategy=Fsdp(),
                optimizer=AdamW(learning_rate=1e-3),
                schedule=Cosine(warmup_steps=100),
                precision=Precision(compute="bfloat16"),
                global_batch_size=32,
                steps=2000,
                loading=Loading(workers=2),
                checkpointing=Checkpointing(every_steps=200),
            ),
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
