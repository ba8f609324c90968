"""Imported in the forkserver alone: what ranks import, and what torch imports on first use, for seconds."""

import importlib

NEEDED = (
    "training_code.train", "training_code.parallel.fsdp", "training_code.workloads.bytes_lm.workload",
    "checkpoint_targets", "strategy_targets", "memory_targets", "boto3", "awscrt.checksums",
    "torch._dynamo", "torch.profiler", "numpy.random", "statistics", "benchmarks.frozen",
)  # fmt: skip

for name in NEEDED:
    try:
        importlib.import_module(name)
    except ImportError as error:
        # A forkserver goes on without a module that it cannot import, and every rank would import it again.
        raise RuntimeError(f"{name} cannot be preloaded") from error
