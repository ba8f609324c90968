"""Checkpoints in memory beside durable ones: what a save holds up, when it is committed, and how long a restore takes.

Two ranks, each on a node of its own as far as they know (a folder of /dev/shm each), share the state; all cases save
and restore the same one in the same processes, in turns. S3 is the embedded cloud's on the loopback, which reads a
whole object for every range of it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results import publish

ROUNDS = 3
RANKS = 2
WIDTH, LAYERS = 1024, 12
FILE, EMBEDDED, ALONE, COPIED = "durable: local disk", "durable: embedded S3", "memory, no copy", "memory, one copy"


def main() -> None:
    """Measure and publish the table."""
    sys.path[:0] = ["tests/training_code", "tests"]
    import boto3
    from emulated_s3 import emulated_s3

    with tempfile.TemporaryDirectory() as disk, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        with emulated_s3(Path(disk)) as address:
            os.environ.update(AWS_ENDPOINT_URL=address, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
                              AWS_DEFAULT_REGION="us-east-1", OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")  # fmt: skip
            boto3.client("s3").create_bucket(Bucket="bench")
            ranks = [
                subprocess.Popen([sys.executable, "-m", "benchmarks.checkpoint_memory", str(rank), disk, memory])
                for rank in range(RANKS)
            ]
            if max(rank.wait() for rank in ranks):
                sys.exit("benchmarks.checkpoint_memory: a rank failed")
        measured = json.loads((Path(disk) / "measured.json").read_text())
    base = [statistics.median(column) for column in zip(*measured[FILE], strict=True)]
    rows = []
    for case, runs in measured.items():
        figures = [statistics.median(column) for column in zip(*runs, strict=True)]
        seconds = dict(zip(("stall s", "commit s", "restore s"), figures, strict=True))
        ratios = {f"{name[:-2]}/disk": found / of for name, found, of in zip(seconds, figures, base, strict=True)}
        rows.append({"case": case, **seconds, **ratios})
    print(publish("checkpoint_memory", rows, (
        f"medians of {ROUNDS} rounds; a state of {12 * WIDTH * WIDTH * LAYERS / 1e6:.0f} MB divided over {RANKS} ranks"
        " with a node each. stall: the call returns (async); commit: until COMMIT; restore: verified and loaded"
    )))  # fmt: skip


def _rank(rank: int, disk: str, memory: str) -> None:
    import torch
    import torch.distributed as dist
    from torch.distributed.fsdp import fully_shard

    from training_code.checkpoint import ModelState, OptimizerState

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{disk}/rendezvous", rank=rank, world_size=RANKS)
    torch.manual_seed(0)
    model = torch.nn.Sequential(*[torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(LAYERS)])
    fully_shard(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    model(torch.randn(4, WIDTH)).pow(2).mean().backward()
    optimizer.step()
    state = {"model": ModelState(model), "optimizer": OptimizerState(model, optimizer)}
    cases = {name: _Case(name, rank, disk, memory) for name in (FILE, EMBEDDED, ALONE, COPIED)}
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in cases}
    # The first round warms buffers and imports, and does not count.
    for number in range(ROUNDS + 1):
        for name, case in cases.items():
            if rank == 0:
                print(f"round {number} of {ROUNDS}: {name}", flush=True)
            dist.barrier()
            found = case.run(number + 1, state)
            if number:
                measured[name].append(found)
    for case in cases.values():
        case.manager.close()
    if rank == 0:
        Path(disk, "measured.json").write_text(json.dumps(measured))
    dist.destroy_process_group()


class _Case:
    """A manager, and what it takes: seconds to the return of a save, to its commit, and of a restore."""

    def __init__(self, name: str, rank: int, disk: str, memory: str) -> None:
        from ml_contract.training.surroundings import Checkpointing, MemoryTier
        from training_code.checkpoint import CheckpointManager, CheckpointOptions, Event, RunIdentity

        folder = name.replace(" ", "-").replace(":", "").replace(",", "")
        tier = None
        if name in (ALONE, COPIED):
            tier = MemoryTier(every_steps=1, copies=int(name == COPIED), folder=f"{memory}/{folder}-{rank}",
                              budget_mib=2048)  # fmt: skip
        self._events: list[Event] = []
        self._in_memory = tier is not None
        uri = f"s3://bench/{folder}" if name == EMBEDDED else f"file://{disk}/{folder}"
        options = CheckpointOptions(policy=Checkpointing(memory=tier), on_event=self._events.append)
        self.manager = CheckpointManager(uri, options=options, run=RunIdentity.of("bench", {}))

    def run(self, step: int, state: Any) -> tuple[float, float, float]:
        self._events.clear()
        (self.manager.save_in_memory if self._in_memory else self.manager.save)(step, state)
        while not any(event.kind in ("committed", "failed", "warning") for event in self._events if event.step == step):
            time.sleep(0.0005)
        self.manager.wait()
        restored = self.manager.restore(state)
        seconds = {event.kind: event.seconds for event in self._events}
        if restored is None or restored.step != step or "committed" not in seconds:
            sys.exit(f"benchmarks.checkpoint_memory: step {step} was not restored: {self._events}")
        return seconds["staged"], seconds["committed"], restored.seconds


if __name__ == "__main__":
    _rank(int(sys.argv[1]), *sys.argv[2:]) if sys.argv[1:] else main()
