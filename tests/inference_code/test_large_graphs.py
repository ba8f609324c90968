"""Weights beside a graph, as graphs of more than 2 GiB have them, from the export to a session on the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from inference_code.repository import build
from ml_contract.ensemble import Step
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import Int8, PackageOptions, PartOptions
from ml_contract.signature import DType, ModelSignature, Tensor
from training_code.workloads import portable

SIGNATURE = ModelSignature(
    inputs=(Tensor(name="values", dtype=DType.FP32, shape=(64,)),),
    outputs=(Tensor(name="scores", dtype=DType.FP32, shape=(96,)),),
    max_batch_size=8,
)


@pytest.mark.slow
def test_they_travel_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "_LARGEST", 0)
    torch.manual_seed(0)
    model, values = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 96)), torch.randn(3, 64)
    artifact, plain = tmp_path / "artifact", PackageOptions(backend="python")
    artifact.mkdir()
    made = portable.Portable(signature=SIGNATURE, example=(values,), dynamic=({0: "batch"},), checks=[(values,)])
    made.write_graph(artifact, model, part="wide")
    assert (artifact / "wide.onnx.data").stat().st_size > 80_000
    ArtifactManifest.describe(
        artifact, workload="whole", signature=SIGNATURE, metrics={}, provenance={},
        parts=(Step(model="wide", signature=SIGNATURE),),
    ).write(artifact)  # fmt: skip
    for name, options in (
        ("float", plain),
        ("int8", PackageOptions(backend="python", parts=(
            PartOptions(name="wide", options=PackageOptions(backend="python", quantization=Int8())),
        ))),
    ):  # fmt: skip
        build(artifact, tmp_path / name, options)
        session = onnxruntime.InferenceSession(tmp_path / name / "wide/1/model.onnx")
        found = session.run(None, {"values": values.numpy()})[0]
        np.testing.assert_allclose(found, model(values).detach().numpy(), rtol=0, atol=1e-5 if name == "float" else 0.1)
