"""Exported graphs beside the models they come from, and 8-bit weights beside the graphs: accuracy and time.

Every model is random, so accuracy is that of the arithmetic, not of what a model has learned; ``graph/torch`` and
``int8/graph`` compare in the same run, in turns, with one thread each.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.results import publish
from inference_code.quantization import quantize
from ml_contract.packaging import Int8
from ml_contract.samples import graph_file, grouped, samples_file
from ml_contract.workloads import WorkloadOptions, arr_coc, bytes_lm, llama
from training_code import workloads
from training_code.parallel.weights import initialize
from training_code.workloads.arr_coc import export as arr_coc_export
from training_code.workloads.arr_coc.graphs import portables
from training_code.workloads.arr_coc.model import ArrCocModel
from training_code.workloads.bytes_lm import export as bytes_lm_export
from training_code.workloads.graph import open_graph
from training_code.workloads.llama import export as llama_export
from training_code.workloads.llama.graph import portable as llama_portable
from training_code.workloads.portable import Portable

ROUNDS = 7
SIX_LAYERS = llama.Llama(
    vocabulary=256, hidden=512, intermediate=1408, layers=6, heads=8, kv_heads=8, sequence_length=128
)  # fmt: skip
"""19 million parameters."""
Case = tuple[str, nn.Module, Portable, str | None]


def _model(options: WorkloadOptions) -> nn.Module:
    workload = workloads.load(options)
    with torch.device("meta"):
        model = workload.build()
    model.to_empty(device="cpu")
    initialize(model, workload, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # Scores that start near zero would make every difference look small.
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def cases() -> list[Case]:
    """Name, module, how it is exported, and the part that it is."""
    small, large = bytes_lm.BytesLm(), SIX_LAYERS
    tiny = replace(arr_coc.ARR_COC_TINY, graph=True)
    trained = _model(tiny)
    assert isinstance(trained, ArrCocModel)
    parts = portables(trained, arr_coc_export.signatures(tiny), tiny)
    return [
        ("bytes_lm", _model(small), bytes_lm_export.portable(small), None),
        ("llama, 6 layers", _model(large), llama_portable(large, llama_export.signature(large)), None),
        *((f"arr_coc, {name}", module, portable, name) for name, (module, portable) in parts.items()),
    ]


def measure(case: Case, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """A row."""
    name, module, portable, part = case
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        started = time.perf_counter()
        difference = portable.write_graph(folder, module, part)
        seconds = time.perf_counter() - started
        graph, samples = folder / graph_file(part), folder / samples_file(part)
        with np.load(samples) as arrays:
            given = grouped(dict(arrays))
        session = open_graph(graph)
        eager, run = _medians(
            [lambda: _eager(module, portable), lambda: [session.run(None, sample) for sample in given]], rounds
        )
        row = {
            "model": name, "parameters": sum(each.numel() for each in module.parameters()), "export s": seconds,
            "difference": f"{difference:.1e}", "graph/torch": run / eager,
        }  # fmt: skip
        try:
            found = quantize(graph, folder / "int8.onnx", Int8(minimum_cosine=0), samples)
        except ValueError:
            # Nothing to quantise: no product with a constant matrix.
            return {**row, "int8 cosine": "–", "int8 error": "–", "int8/graph": "–", "int8 size": "–"}
        return {
            **row, "int8 cosine": f"{found['cosine']:.5f}", "int8 error": f"{found['maximum_error']:.3f}",
            "int8/graph": f"{1 / found['speedup']:.2f}", "int8 size": f"{found['int8_bytes'] / found['bytes']:.2f}",
        }  # fmt: skip


def _eager(module: nn.Module, portable: Portable) -> None:
    with torch.no_grad():
        for inputs in portable.checks:
            module(*inputs)


def _medians(programs: list[Callable[[], Any]], rounds: int) -> list[float]:
    found: list[list[float]] = [[] for _ in programs]
    for _ in range(rounds):
        for program, seconds in zip(programs, found, strict=True):
            started = time.perf_counter()
            program()
            seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds[1:] or seconds) for seconds in found]


def main() -> int:
    """Every case."""
    rows = []
    for case in cases():
        print(f"{case[0]} …", file=sys.stderr, flush=True)
        rows.append(measure(case))
    publish("exports", rows, f"one thread, medians of {ROUNDS} rounds in turns; random weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
