"""The embedded cloud: two CPU hosts, small enough for two cores."""

from constructs_lib.network import NetworkSettings
from constructs_lib.serving import ServingResources
from constructs_lib.storage import StorageSettings
from constructs_lib.training import DeepLearningImage, ProcessingResources, RetryPolicy, SpotCapacity, TrainingResources
from ml_contract.bytes_lm import BytesLm, EvaluateOptions, PrepareOptions
from ml_contract.images import PYTORCH_TRAINING_CPU, TRITON
from ml_contract.packaging import PackageOptions
from stacks.environment import BytesLmServing, BytesLmTraining, Environment

LOCAL = Environment(
    name="local",
    account="123456789012",
    region="us-east-1",
    protected=False,
    network=NetworkSettings(
        cidr="10.10.0.0/24", availability_zones=("us-east-1a", "us-east-1b"), nodes=4, efa=False, log_days=1
    ),
    storage=StorageSettings(checkpoint_days=7, replaced_days=1, access_log_days=7),
    training=BytesLmTraining(
        model=BytesLm(),
        prepare=PrepareOptions(),
        evaluate=EvaluateOptions(),
        image=DeepLearningImage(image=PYTORCH_TRAINING_CPU),
        resources=TrainingResources(instance_type="ml.m5.large", instance_count=2, volume_gib=30, efa=False),
        capacity=SpotCapacity(max_run_seconds=3600, max_wait_seconds=7200),
        retries=(
            RetryPolicy(failures=("SageMaker.CAPACITY_ERROR",), interval_seconds=2, backoff_rate=1.0, max_attempts=3),
            RetryPolicy(failures=("Step.SERVICE_FAULT", "Step.THROTTLING"), interval_seconds=2, max_attempts=3),
        ),
        processing=ProcessingResources(instance_type="ml.c5.xlarge", volume_gib=30, max_run_seconds=1800),
        bits_per_byte=3.2,
        approval="Approved",
    ),
    serving=BytesLmServing(
        image=DeepLearningImage(image=TRITON),
        package=PackageOptions(backend="python"),
        resources=ServingResources(instance_type="ml.c5.xlarge", instance_count=1, start_seconds=120),
    ),
)
