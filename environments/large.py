"""What takes many accelerators: pipelines that ``prod`` and ``research`` train, what their clusters expect of nodes of
H100, and what neither lets anybody do."""

from constructs_lib.guardrails import Guardrails
from constructs_lib.training import (
    EcrImage,
    OnDemandCapacity,
    ProcessingResources,
    RetryPolicy,
    SpotCapacity,
    TrainingResources,
)
from ml_contract import recipes
from ml_contract.clusters.spares import NodeFailures
from ml_contract.packaging import GpuInstances, PackageOptions
from ml_contract.training.optimization import AdamW, Cosine, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Checkpointing, Loading
from ml_contract.workloads import arr_coc, bytes_lm
from stacks.clusters import EnoughSpares
from stacks.packaging import TritonPackaging
from stacks.workload_training import Criterion, SharedInput, WorkloadTraining

# A node fails once in 90 days, three times as often as in "The Llama 3 Herd of Models" (table 5: 419 interruptions of
# 16,384 H100 in 54 days that nobody planned), and is away for three hours, most of them deep health checks.
SPARES = EnoughSpares(failures=NodeFailures(per_node_hour=1 / 24 / 90, replacement_hours=3), waiting=0.01)
GUARDRAILS = Guardrails(
    instance_families=("ml.g5", "ml.m5", "ml.p4d", "ml.p5"),
    max_run_seconds=3 * 24 * 3600,
    encrypt_traffic=False,  # EFA cannot
    network_isolation=False,  # hosts exchange gradients
)
IMAGE = EcrImage(repository="trainyard-training", tag="1")
RETRIES = (
    RetryPolicy(
        failures=("SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
        interval_seconds=600,
        backoff_rate=1.5,
        expire_after_minutes=2880,
    ),
    RetryPolicy(
        failures=("Step.SERVICE_FAULT", "Step.THROTTLING", "SageMaker.JOB_INTERNAL_ERROR"),
        interval_seconds=60,
        max_attempts=5,
    ),
)

BYTES_LM = WorkloadTraining(
    run=TrainingRun(
        workload=bytes_lm.BytesLm(dimension=2048, layers=24, heads=16, sequence_length=2048),
        strategy=Fsdp(sharding="hybrid"),
        optimizer=AdamW(learning_rate=3e-4),
        schedule=Cosine(warmup_steps=500),
        precision=Precision(compute="bfloat16"),
        global_batch_size=128,
        steps=20000,
        loading=Loading(workers=4),
        checkpointing=Checkpointing(every_steps=500),
    ),
    prepare=bytes_lm.PrepareOptions(maximum_bytes=1024 * 2**20, shard_bytes=16 * 2**20),
    evaluate=bytes_lm.EvaluateOptions(maximum_bytes=16 * 2**20),
    image=IMAGE,
    resources=TrainingResources(instance_type="ml.p4d.24xlarge", instance_count=2, volume_gib=500, efa=True),
    capacity=OnDemandCapacity(max_run_seconds=3 * 24 * 3600),
    retries=RETRIES,
    processing=ProcessingResources(instance_type="ml.g5.2xlarge", volume_gib=100, max_run_seconds=4 * 3600),
    criterion=Criterion(figure="bits_per_byte", better="LessThan", threshold=1.8, baseline="order0_bits_per_byte"),
    approval="PendingManualApproval",
    packaging=TritonPackaging(
        package=PackageOptions(backend="onnxruntime", instances=GpuInstances()),
        instance_types=("ml.g5.2xlarge",),
    ),
)

ARR_COC = WorkloadTraining(
    run=recipes.ARR_COC,
    prepare=arr_coc.PrepareOptions(train_samples=65536, heldout_samples=4096, side=256, shard_bytes=256 * 2**20),
    evaluate=arr_coc.EvaluateOptions(maximum_samples=4096),
    image=IMAGE,
    resources=TrainingResources(
        instance_type=recipes.ARR_COC_INSTANCE_TYPE,
        instance_count=recipes.ARR_COC_INSTANCE_COUNT,
        volume_gib=500,
        efa=False,
    ),
    capacity=SpotCapacity(max_run_seconds=2 * 24 * 3600, max_wait_seconds=4 * 24 * 3600),
    # Weights in safetensors and tokenizer.json of Qwen3-VL-2B, as Hugging Face publishes them.
    inputs=(SharedInput(name="pretrained", prefix="qwen3-vl-2b", steps=("Train",)),),
    retries=RETRIES,
    processing=ProcessingResources(instance_type="ml.g5.2xlarge", volume_gib=200, max_run_seconds=12 * 3600),
    criterion=Criterion(figure="accuracy", better="GreaterThan", threshold=0.6, baseline="majority_accuracy"),
    approval="PendingManualApproval",
    packaging=TritonPackaging(
        package=PackageOptions(backend="onnxruntime", instances=GpuInstances()), instance_types=("ml.g5.2xlarge",)
    ),
)
