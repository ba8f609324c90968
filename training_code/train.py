"""Trains a workload: one process a rank, started by the launcher. The whole of a run can be read from the top down."""

from __future__ import annotations

import faulthandler
import math
import os
import sys
import time
import traceback

import torch

from ml_contract import metrics
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.metrics import Metric
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from training_code import failure, parallel, workloads
from training_code.checkpoint import PerRank, Stateful, rng
from training_code.data.loader import Loader
from training_code.data.opening import open_source
from training_code.data.order import SampleOrder, steps_of
from training_code.export import describe
from training_code.interruption import Interruption
from training_code.launcher.job import CHANNEL, read_run
from training_code.log import say
from training_code.parallel.ranks import Ranks, distributed
from training_code.saving import Checkpoints, Progress
from training_code.watching import Clock, Watchers, of_the_first

PEER_SECONDS = 5.0
"""Head start of the rank that failed over those that lost it; torchrun ends the ranks of its own host at once."""


class TrainingDiverged(ValueError):
    """The loss or the gradient is no number any more."""


def train(run: TrainingRun, paths: ContainerPaths, ranks: Ranks, interruption: Interruption) -> ExitCode:
    """Train from the newest checkpoint, or from the start, to the last step; then write the model."""
    torch.manual_seed(run.seed)
    workload = workloads.load(run.workload)
    # Every host has its own copy of the data: one rank of each checks it.
    source = open_source(run.loading, paths.channel(CHANNEL))
    samples = ranks.all_or_none(lambda: workload.open(source, verify=ranks.local_rank == 0))
    model = parallel.build(run, workload, ranks)
    micro_batch, passes = run.batching(model.layout)
    order = SampleOrder(
        samples=len(samples), batch_size=run.global_batch_size // model.layout.data, rank=model.data_rank,
        world_size=model.layout.data, seed=run.seed,
    )  # fmt: skip
    loader = Loader(
        samples, order, workers=run.loading.workers, micro_batch=micro_batch, collate=workload.collate()
    )  # fmt: skip
    steps = run.steps or steps_of(len(samples), run.global_batch_size, run.epochs or 1)

    progress = Progress()
    clock = Clock()
    state: dict[str, Stateful] = {
        **model.state(), "loader": loader, "rng": rng(), "progress": progress, "clock": PerRank(clock, of_the_first)
    }  # fmt: skip
    checkpoints = Checkpoints(run, state, ranks, data_digest=samples.digest)
    checkpoints.restore()
    if ranks.is_leader:
        say(f"train: {run.workload.kind} by {run.strategy.kind}, {run.workload.size.parameters} parameters,"
            f" {ranks.world_size} ranks on {ranks.device.type}, {len(samples)} samples,"
            f" steps {progress.step + 1} to {steps}")  # fmt: skip

    with Watchers.open(run, ranks, paths, clock, done=progress.step) as watchers:
        batches = iter(loader)
        started = time.monotonic()
        while progress.step < steps:
            watchers.before(progress.step + 1)
            for part in model.models:
                workload.before_step(part, progress.step, steps)
            passed = model.forward_backward([parallel.to_device(next(batches), ranks.device) for _ in range(passes)])
            norm = model.clip(run.optimizer.gradient_clip)

            # One exchange a step for all that the ranks must agree on: the figures, the end, and whether to save.
            shares = (passed.loss, *passed.figures.values())
            *sums, stops, overdue = ranks.sums(*shares, interruption.requested, checkpoints.overdue())
            loss, *figures = (total / ranks.world_size for total in sums)
            if not math.isfinite(loss) or not (math.isfinite(norm) or model.skips_overflows):
                loader.rewind()
                raise TrainingDiverged(
                    f"train:loss: got {loss!r} with gradient norm {norm!r} in step {progress.step + 1}, but both must"
                    f" be finite. {checkpoints.last_good(progress.step)} and with a lower optimizer.learning_rate (it"
                    f" is {run.optimizer.learning_rate}) or optimizer.gradient_clip ({run.optimizer.gradient_clip})."
                )
            rate = run.optimizer.learning_rate * run.schedule.factor(progress.step, steps)
            model.update(rate)
            progress.step, progress.loss = progress.step + 1, loss

            now = time.monotonic()
            seconds, started = now - started, now
            found: dict[Metric, float] = {
                metrics.LOSS: loss, metrics.LEARNING_RATE: rate, metrics.GRADIENT_NORM: norm,
                **dict(zip(passed.figures, figures, strict=True)), **checkpoints.age(),
            }  # fmt: skip
            watchers.step(progress.step, found, seconds, saves=checkpoints.figures())
            checkpoints.stepped(progress.step, seconds)

            if stops:
                checkpoints.before_the_end(progress.step, interruption)
                if ranks.is_leader:
                    say(metrics.line(progress.step, {metrics.INTERRUPTED_STEP: progress.step}))
                watchers.ended(interrupted=True)
                model.close()
                return ExitCode.INTERRUPTED
            checkpoints.save_if_due(progress.step, overdue=bool(overdue))

        checkpoints.save(progress.step)
        checkpoints.close()
        weights = model.gather()
        if ranks.is_leader:
            workload.export(paths.model, describe(run, weights, steps=progress.step, figures={"loss": progress.loss}))
        watchers.ended()
        model.close()
        return ExitCode.SUCCESS


def main() -> ExitCode:
    """Run this rank, and say why where it fails."""
    faulthandler.enable()  # a crash in native code leaves the Python stack in the log
    interruption = Interruption().install()
    paths = ContainerPaths.from_environment(os.environ)
    try:
        run = read_run(paths)
        with distributed(parallel.backend(run)) as ranks:
            return train(run, paths, ranks, interruption)
    except Exception as error:
        if isinstance(error, failure.PeerLost):
            # The platform takes the reason of the host that ends first: that is to be the host of the cause.
            interruption.wait(PEER_SECONDS)
            if interruption.requested:
                return ExitCode.INTERRUPTED
        failure.record(paths.failure, failure.describe(error))
        traceback.print_exc()
        return ExitCode.CONTRACT_BROKEN if isinstance(error, ContractError) else ExitCode.TRAINING_FAILED


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All that counts is written. Native threads of gloo and of the S3 client may still want the interpreter while it
    # ends: that aborts the process, and a training that succeeded would be reported as SIGABRT.
    os._exit(status)
