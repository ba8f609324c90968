"""The forkserver of a tests' process, which has one at most: a rank out of it starts in milliseconds."""

from __future__ import annotations

import functools
import gc
import json
import multiprocessing as mp
import os
import sys
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NEEDED = (
    "training_code.train", "training_code.parallel.fsdp", "training_code.workloads.bytes_lm.workload",
    "checkpoint_targets", "strategy_targets", "memory_targets", "boto3", "awscrt.checksums",
    "torch._dynamo", "torch.profiler", "numpy.random", "statistics",
)  # fmt: skip
"""What ranks import, and what torch imports on first use, for seconds."""


@functools.cache
def forkserver() -> Any:
    """Its context. What starts it first decides what is imported there, so that is the same for everybody."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "warm_imports"])
    # Before Python 3.11.9 the server does not take over sys.path, and fails to preload without a word.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{HERE}:{HERE / 'checkpoint'}:{ROOT}"
    ensure_running()
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    return context


def note_warmth(result: str) -> int:
    """In a process of it: what that had to do without, and how many objects its collections pass over."""
    lacking = [name for name in NEEDED if name not in sys.modules]
    Path(result).write_text(json.dumps({"lacking": lacking, "frozen": gc.get_freeze_count()}))
    return 0
