"""The forkserver of a tests' process, which has one at most: a rank out of it starts in milliseconds."""

from __future__ import annotations

import functools
import multiprocessing as mp
import os
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


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
