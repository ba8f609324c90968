"""Trains the byte model: one process a rank, started by torchrun. The whole of a run can be read from the top down."""

from __future__ import annotations

import faulthandler
import math
import os
import sys
import time
import traceback

import torch

from ml_contract import metrics
from ml_contract.bytes_lm import BytesLm
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure
from training_code.bytes_lm import export, parallel, schedule
from training_code.bytes_lm.model import next_byte_loss
from training_code.bytes_lm.saving import Checkpoints, Progress
from training_code.checkpoint import ModelState, OptimizerState, Stateful, rng
from training_code.data.loader import Loader, Windows
from training_code.data.order import SampleOrder
from training_code.data.shards import ByteShards
from training_code.interruption import Interruption
from training_code.launcher.job import CHANNEL, read_hyperparameters
from training_code.log import say

PEER_SECONDS = 5.0
"""Head start of the rank that failed over those that lost it; torchrun ends the ranks of its own host at once."""


class TrainingDiverged(ValueError):
    """The loss or the gradient is no number any more."""


def train(options: BytesLm, paths: ContainerPaths, ranks: parallel.Ranks, interruption: Interruption) -> ExitCode:
    """Train from the newest checkpoint, or from the start, to the last step; then write the model."""
    torch.manual_seed(options.seed)
    # Every host has its own copy of the data: one rank of each checks it.
    shards = ranks.all_or_none(lambda: ByteShards.open(paths.channel(CHANNEL), verify=ranks.local_rank == 0))
    windows = Windows(shards, options.sequence_length)
    order = SampleOrder(
        samples=len(windows), batch_size=options.batch_size, rank=ranks.rank, world_size=ranks.world_size,
        seed=options.seed,
    )  # fmt: skip
    loader = Loader(windows, order, workers=options.loader_workers)

    model = parallel.build(options, ranks)
    optimizer = schedule.optimizer(model, options)
    scheduler = schedule.schedule(optimizer, options)
    progress = Progress()
    state: dict[str, Stateful] = {
        "model": ModelState(model),
        "optimizer": OptimizerState(model, optimizer),
        "scheduler": scheduler,
        "loader": loader,
        "rng": rng(),
        "progress": progress,
    }
    checkpoints = Checkpoints(options, state, ranks, data_digest=shards.digest)
    checkpoints.restore()
    if ranks.is_leader:
        parameters = sum(parameter.numel() for parameter in model.parameters())
        say(f"train: {parameters} parameters, {ranks.world_size} ranks on {ranks.device.type}, {len(windows)} samples,"
            f" steps {progress.step + 1} to {options.steps}")  # fmt: skip

    batches = iter(loader)
    tokens_per_step = options.batch_size * options.sequence_length * ranks.world_size
    started = time.monotonic()
    while progress.step < options.steps:
        tokens = next(batches).to(ranks.device, torch.int64)
        loss = next_byte_loss(model(tokens[:, :-1]), tokens[:, 1:])
        loss.backward()  # type: ignore[no-untyped-call]
        norm = parallel.clip(model, options.gradient_clip)

        # One exchange a step for all that the ranks must agree on: the loss, the end, and whether to save.
        total, stops, overdue = ranks.sums(loss.item(), interruption.requested, checkpoints.overdue())
        progress.loss = total / ranks.world_size
        if not math.isfinite(progress.loss) or not math.isfinite(norm):
            checkpoints.finish()
            raise TrainingDiverged(
                f"train:loss: got {progress.loss!r} with gradient norm {norm!r} in step {progress.step + 1}, but both"
                f" must be finite. The last good checkpoint is step {checkpoints.committed_step}; lower learning_rate"
                f" (it is {options.learning_rate}) or gradient_clip ({options.gradient_clip})."
            )
        rate = float(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        progress.step += 1

        now = time.monotonic()
        if ranks.is_leader:
            say(metrics.line(progress.step, {
                metrics.LOSS: progress.loss, metrics.LEARNING_RATE: rate, metrics.GRADIENT_NORM: norm,
                metrics.TOKENS_PER_SECOND: tokens_per_step / (now - started),
            }))  # fmt: skip
        started = now

        if stops:
            checkpoints.before_the_end(progress.step, interruption)
            if ranks.is_leader:
                say(metrics.line(progress.step, {metrics.INTERRUPTED_STEP: progress.step}))
            return ExitCode.INTERRUPTED
        if overdue or progress.step % options.checkpoint_steps == 0:
            checkpoints.save(progress.step)

    checkpoints.save(progress.step)
    checkpoints.close()
    weights = parallel.gather(model)
    if ranks.is_leader:
        export.write(paths.model, options, weights, steps=progress.step, loss=progress.loss)
    return ExitCode.SUCCESS


def main() -> ExitCode:
    """Run this rank, and say why where it fails."""
    faulthandler.enable()  # a crash in native code leaves the Python stack in the log
    interruption = Interruption().install()
    paths = ContainerPaths.from_environment(os.environ)
    try:
        with parallel.distributed() as ranks:
            return train(read_hyperparameters(paths), paths, ranks, interruption)
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
