"""Artifacts as training leaves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_contract.manifest import ArtifactManifest
from ml_contract.signature import DType, ModelSignature, Tensor

SIGNATURE = ModelSignature(
    inputs=(Tensor(name="tokens", dtype=DType.INT64, shape=(-1,)),),
    outputs=(Tensor(name="logits", dtype=DType.FP32, shape=(-1, 256)),),
    max_batch_size=16,
)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """An artifact whose graph is 2 KB that nobody runs."""
    folder = tmp_path / "artifact"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(bytes(range(256)) * 8)
    (folder / "model.safetensors").write_bytes(b"weights")
    provenance = {"training_job": "job-1"}
    ArtifactManifest.describe(
        folder, workload="bytes_lm", signature=SIGNATURE, metrics={"train:loss": 1.5}, provenance=provenance
    ).write(folder)
    return folder
