"""The committed examples of config.pbtxt, in examples/model_repositories; ``write()`` writes them again."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from inference_code.model_configuration import ensemble_configuration, model_configuration
from ml_contract.ensemble import Ensemble, Step
from ml_contract.packaging import (
    CpuInstances,
    DynamicBatching,
    GpuInstances,
    LevelPolicy,
    PackageOptions,
    Parameter,
    PartOptions,
    Priorities,
    QueuePolicy,
    TensorRtAccelerator,
    Warmup,
)
from ml_contract.signature import DType, ModelSignature, Tensor

from .graphs import SIGNATURE

FOLDER = Path(__file__).parents[2] / "examples" / "model_repositories"
EVERYTHING = PackageOptions(
    backend="onnxruntime",
    max_batch_size=8,
    batching=DynamicBatching(
        preferred_sizes=(4, 8),
        max_queue_delay_microseconds=500,
        queue=QueuePolicy(max_queue_size=64, default_timeout_microseconds=2_000_000, allow_timeout_override=True),
        priorities=Priorities(
            levels=2,
            default=2,
            policies=(
                LevelPolicy(
                    level=1, policy=QueuePolicy(default_timeout_microseconds=9_000_000, timeout_action="DELAY")
                ),
            ),
        ),
    ),
    instances=GpuInstances(count=2, gpus=(0, 1)),
    warmup=(Warmup(batch_size=8, count=3, length=64),),
    response_cache=True,
    accelerator=TensorRtAccelerator(precision_mode="FP16", engine_cache_path="/tmp/engines"),
    parameters=(Parameter(key="execution_mode", value="1"),),
    version=3,
)
"""Every option that the production backend takes at one time."""

IMAGE = Tensor(name="image", dtype=DType.UINT8, shape=(3, 64, 64))
FEATURES = Tensor(name="features", dtype=DType.FP32, shape=(128,))
SCORES = Tensor(name="scores", dtype=DType.FP32, shape=(10,))
PIXELS = Tensor(name="pixels", dtype=DType.UINT8, shape=(3, 64, 64))
ENSEMBLE = Ensemble(
    signature=ModelSignature(inputs=(IMAGE,), outputs=(SCORES, FEATURES), max_batch_size=8),
    steps=(
        Step(
            model="encoder",
            signature=ModelSignature(inputs=(PIXELS,), outputs=(FEATURES,), max_batch_size=32),
            inputs={"pixels": "image"},
        ),
        Step(model="classifier", signature=ModelSignature(inputs=(FEATURES,), outputs=(SCORES,), max_batch_size=8)),
    ),
)
"""Two models, of which the first calls its input otherwise than the ensemble."""
IN_PARTS = PackageOptions(
    backend="python",
    parts=(
        PartOptions(name="encoder", options=PackageOptions(backend="onnxruntime", instances=GpuInstances())),
        PartOptions(
            name="classifier", options=PackageOptions(backend="python", batching=None, instances=CpuInstances(count=2))
        ),
    ),
)
"""The encoder on the GPU, the classifier on the CPU."""


@cache
def generated() -> dict[str, str]:
    """Path below FOLDER to text."""
    texts = {"bytes_lm": model_configuration("bytes_lm", SIGNATURE, EVERYTHING)}
    texts |= {step.model: model_configuration(step.model, step.signature, IN_PARTS.of(step.model))
              for step in ENSEMBLE.steps}  # fmt: skip
    texts["image_classifier"] = ensemble_configuration("image_classifier", ENSEMBLE, IN_PARTS)
    folders = {name: "single" if name == "bytes_lm" else "ensemble" for name in texts}
    return {f"{folders[name]}/{name}/config.pbtxt": text for name, text in texts.items()}


def write() -> None:
    """Write them again."""
    for path, text in generated().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text)
