"""What small models allocate in a step, beside the formulas of ml_contract/sizing: one rank on this CPU, no estimates.

Parameters, gradients and moments are sums over storages. What forward and loss keep for backward is what autograd saves
(torch.autograd.graph.saved_tensors_hooks), each storage once, beside parameters and what goes in. float32, without
recomputation. A CPU says nothing of CUDA's context, workspaces and pieces: :data:`ml_contract.sizing.fit.RESERVE`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ml_contract.sizing.memory import memory
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp
from ml_contract.workloads import BytesLm, Llama, WorkloadOptions
from training_code import workloads

MIB = 2**20
ONE = World(hosts=1, ranks_per_host=1)
SAMPLES = 2
_NARROW = {"vocabulary": 256, "hidden": 192, "intermediate": 512, "layers": 3, "heads": 6, "sequence_length": 256}
MODELS: Mapping[str, WorkloadOptions] = {
    "bytes_lm": BytesLm(dimension=192, layers=3, heads=3, sequence_length=256),
    "llama": Llama(**_NARROW, kv_heads=6),
    "llama, 2 key heads": Llama(**_NARROW, kv_heads=2),
    "llama, 3 of 8 experts": Llama(**_NARROW, kv_heads=2, experts=8, experts_per_token=3),
}


def measured(options: WorkloadOptions, samples: int = SAMPLES) -> dict[str, int]:
    """Bytes of one step of one rank."""
    workload = workloads.load(options)
    model = workload.build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    arguments, targets = workload.split(torch.zeros((samples, options.size.tokens + 1), dtype=torch.int64))
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(saved: Tensor) -> Tensor:
        # Held until memory is counted: an address that is free again would be met twice.
        kept.setdefault(saved.untyped_storage()._cdata, saved.untyped_storage())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        loss = workload.loss(model(*arguments), targets)
    beside = {each.untyped_storage()._cdata for each in (*model.parameters(), *model.buffers(), *arguments, targets)}
    activations = sum(storage.nbytes() for address, storage in kept.items() if address not in beside)
    loss.backward()
    optimizer.step()
    # A parameter's count of steps is one number.
    moments = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    return {
        "parameters": _bytes(model.parameters()),
        "gradients": _bytes(each.grad for each in model.parameters() if each.grad is not None),
        "optimiser state": _bytes(moments),
        "kept for backward": activations,
    }


def reckoned(options: WorkloadOptions, samples: int = SAMPLES) -> dict[str, int]:
    """The same by the formulas."""
    run = TrainingRun(workload=options, strategy=Ddp(), optimizer=AdamW(learning_rate=1e-4), steps=1,
                      global_batch_size=samples, precision=Precision(compute="float32"))  # fmt: skip
    found = memory(run, ONE)
    states = {what: found.item(what) for what in ("parameters", "gradients", "optimiser state")}
    return {**states, "kept for backward": found.item("activations") + found.item("scores and loss")}


def _bytes(tensors: Iterable[Tensor]) -> int:
    storages = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in tensors}
    return sum(storages.values())


def main() -> int:
    """Print the table of docs/sizing.md."""
    rows = [("model", "what", "measured", "formula", "formula / measured")]
    for name, options in MODELS.items():
        real, formula = measured(options), reckoned(options)
        rows += [(name, what, f"{size / MIB:.2f} MiB", f"{formula[what] / MIB:.2f} MiB", f"{formula[what] / size:.3f}")
                 for what, size in real.items()]  # fmt: skip
    print(f"torch {torch.__version__}, {SAMPLES} samples of 256 tokens, float32\n")
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |")
        if number == 0:
            print(f"|{'---|' * len(row)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
