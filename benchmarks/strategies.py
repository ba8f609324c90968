"""What a step costs under each strategy, beside DDP: two ranks of a thread each, gloo on the loopback.

On two cores it is the work of dividing that shows, with exchanges through memory: no network, no overlap of a GPU's
streams. It says what a strategy adds where nothing needs to be divided, and nothing of which is the fastest on GPUs.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.equality_ranks import train, warm, write_data
from benchmarks.results import publish
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import CpuOffload, Ddp, DeepSpeed, Fsdp, ModelParallel, Pipeline
from ml_contract.workloads import Llama

STEPS, SKIPPED = 24, 8
"""Of a run, and those at its start that do not count."""
ROUNDS = 3
MODEL = Llama(vocabulary=256, hidden=256, intermediate=704, layers=6, heads=8, kv_heads=4, sequence_length=128)
"""4.3 million parameters."""
STAGES = Pipeline(stages=2, micro_batches=4)
CASES: dict[str, dict[str, Any]] = {
    "DDP": {"strategy": Ddp()},
    "DDP, accumulation 4": {"strategy": Ddp(), "micro_batch_size": 2},
    "FSDP2 full": {"strategy": Fsdp()},
    "FSDP2 shard_grad_op": {"strategy": Fsdp(sharding="shard_grad_op")},
    "FSDP2 cpu_offload": {"strategy": Fsdp(cpu_offload=True)},
    "FSDP2 full, accumulation 4": {"strategy": Fsdp(), "micro_batch_size": 2},
    "FSDP2 full, accumulation 4 whole": {"strategy": Fsdp(accumulate="whole"), "micro_batch_size": 2},
    "FSDP2 full, recomputation selective": {"strategy": Fsdp(), "activation_checkpointing": "selective"},
    "FSDP2 full, recomputation full": {"strategy": Fsdp(), "activation_checkpointing": "full"},
    "TP 2": {"strategy": ModelParallel(tensor=2)},
    "PP 2, 1F1B": {"strategy": ModelParallel(pipeline=STAGES)},
    "CP 2": {"strategy": ModelParallel(context=2)},
    "ZeRO-1": {"strategy": DeepSpeed(stage=1)},
    "ZeRO-2": {"strategy": DeepSpeed(stage=2)},
    "ZeRO-3": {"strategy": DeepSpeed(stage=3)},
    "ZeRO-2, optimiser in host memory": {"strategy": DeepSpeed(stage=2, offload_optimizer=CpuOffload())},
}


def measure(names: list[str], *, rounds: int = ROUNDS, steps: int = STEPS) -> list[dict[str, Any]]:
    """A row for each case, in turns over the rounds: the medians of their medians.

    Args:
        names: Of cases; the first is what the others are compared with.
        rounds: Turns.
        steps: Of a run.
    """
    found: dict[str, list[float]] = {name: [] for name in names}
    warm(deepspeed=any(name.startswith("ZeRO") for name in names))
    with tempfile.TemporaryDirectory() as scratch:
        write_data(Path(scratch, "data"))
        for turn in range(rounds):
            for name in names:
                run = TrainingRun(
                    workload=MODEL, optimizer=AdamW(learning_rate=1e-3), schedule=Cosine(warmup_steps=2),
                    global_batch_size=16, steps=steps, **CASES[name],
                )  # fmt: skip
                folder = Path(scratch, f"{turn}-{name}")
                speeds = train(run, folder, Path(scratch, "data"), ranks=2).speeds
                found[name].append(statistics.median(speeds[min(SKIPPED, steps // 2) :]))
                print(
                    f"round {turn + 1}/{rounds}  {name}  {found[name][-1]:,.0f} tokens/s", file=sys.stderr, flush=True
                )
    first = statistics.median(found[names[0]])
    return [
        {
            "case": name,
            "tokens/s": round(statistics.median(speeds)),
            f"step/{names[0]}": first / statistics.median(speeds),
        }
        for name, speeds in found.items()
    ]


def main() -> int:
    """Every case."""
    notes = f"2 ranks, gloo, float32, {MODEL.size.parameters / 1e6:.1f} million parameters; medians of {ROUNDS} rounds"
    publish("strategies", measure(list(CASES)), notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
