"""What the exporter does not translate as torch computes it, it is taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from ml_contract.signature import DType, ModelSignature
from ml_contract.signature import Tensor as Described
from training_code.workloads.portable import Portable


class Corners(nn.Module):
    """Order of equal elements, and angles on the axes."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rise, run = values[:, :-1], values[:, 1:]
        falling = torch.sort(values, dim=1, descending=True, stable=True).indices
        return torch.atan2(rise, run), falling, torch.sort(values, dim=1, stable=True).indices


@pytest.mark.slow
def test_equal_elements_and_axes(tmp_path: Path) -> None:
    values = torch.tensor([[0.0, -1, 0, 1, 0, 0, -1, -1, 1, 1, -2, 0, 2, 2, -1, 0]])
    names = {"angles": DType.FP32, "falling": DType.INT64, "rising": DType.INT64}
    portable = Portable(
        signature=ModelSignature(
            inputs=(Described(name="values", dtype=DType.FP32, shape=(16,)),),
            outputs=tuple(Described(name=name, dtype=dtype, shape=(-1,)) for name, dtype in names.items()),
            max_batch_size=8,
        ),
        example=(values.repeat(2, 1),),
        dynamic=({0: "batch"},),
        checks=[(values,)],
    )
    portable.write_graph(tmp_path, Corners())
    found = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"values": values.numpy()})
    for got, wanted in zip(found, Corners()(values), strict=True):
        np.testing.assert_allclose(got, wanted.numpy(), rtol=0, atol=1e-6)
