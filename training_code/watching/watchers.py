"""The figures of each step, told to everybody who watches: the log, and what else the run asks for."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from ml_contract import metrics
from ml_contract.errors import ContractError
from ml_contract.instances import instance
from ml_contract.metrics import Metric
from ml_contract.paths import ContainerPaths
from ml_contract.prometheus import FOLDER_VARIABLE
from ml_contract.resources import ResourceConfig
from ml_contract.sizing.mfu import mfu
from ml_contract.training.run import TrainingRun
from training_code.log import say
from training_code.parallel.ranks import Ranks
from training_code.vitals import VARIABLE as VITALS
from training_code.watching.clock import Clock
from training_code.watching.profile import Profile
from training_code.watching.sink import Background, Sink
from training_code.watching.textfile import TextFile
from training_code.watching.vitals_file import VitalsFile

GIB = 2**30


class Watchers:
    """Everybody who watches. All but the profiler watch the first rank alone."""

    def __init__(
        self, run: TrainingRun, ranks: Ranks, clock: Clock, *, sinks: list[Sink], profile: Profile | None,
        peak_flops: float | None,
    ) -> None:  # fmt: skip
        self._run, self._ranks, self._clock, self._profile = run, ranks, clock, profile
        self._peak_flops = peak_flops
        self._sinks = [Background(sink) for sink in sinks]
        self._status = "FAILED"

    @classmethod
    def open(cls, run: TrainingRun, ranks: Ranks, paths: ContainerPaths, clock: Clock, *, done: int) -> Watchers:
        """Open what the run asks for.

        Args:
            run: Its ``watching``.
            ranks: The first one reports.
            paths: Where files go.
            clock: Times of the run, restored already.
            done: Steps done before.
        """
        watching = run.watching
        profile = None
        if watching.profile_step:
            profile = Profile(paths.output_data / "traces", rank=ranks.rank, first=watching.profile_step)
        sinks = _sinks(run, paths, clock, done) if ranks.is_leader else []
        return cls(run, ranks, clock, sinks=sinks, profile=profile, peak_flops=_peak(paths))

    def before(self, step: int) -> None:
        """``step`` is about to begin."""
        if self._profile is not None:
            self._profile.before(step)

    def step(
        self, step: int, figures: Mapping[Metric, float], seconds: float, *, saves: Mapping[Metric, float]
    ) -> None:
        """Tell the figures of a step that took ``seconds``, and to all but the log what ``saves`` told last there."""
        self._clock.stepped(seconds)
        if self._profile is not None:
            self._profile.after(step)
        if not self._ranks.is_leader or step % self._run.watching.every_steps:
            return
        found = {**figures, **self._throughput(seconds), metrics.STEP_SECONDS: seconds,
                 metrics.GOODPUT: self._clock.goodput, metrics.MEMORY: _memory_gib(self._ranks.device)}  # fmt: skip
        say(metrics.line(step, found))
        for sink in self._sinks:
            sink.write(step, {metric.name: value for metric, value in {**saves, **found}.items()})

    def _throughput(self, seconds: float) -> dict[Metric, float]:
        samples = self._run.global_batch_size / seconds
        found = {metrics.TOKENS_PER_SECOND: samples * self._run.workload.size.tokens}
        utilisation = mfu(
            self._run, samples_per_second=samples, ranks=self._ranks.world_size, peak_flops=self._peak_flops
        )
        return found if utilisation is None else {**found, metrics.MFU: utilisation}

    def ended(self, *, interrupted: bool = False) -> None:
        """The run has come to its end, or to one after which it will go on; else it failed."""
        self._status = "KILLED" if interrupted else "FINISHED"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._profile is not None:
            self._profile.close()
        for sink in self._sinks:
            sink.close(self._status)


def _sinks(run: TrainingRun, paths: ContainerPaths, clock: Clock, done: int) -> list[Sink]:
    name = os.environ.get("TRAINING_JOB_NAME") or f"{run.workload.kind}-{run.seed}"
    found: list[Sink] = []
    if run.watching.tensorboard:
        from training_code.watching.tensorboard import TensorBoard

        found.append(TensorBoard(paths.tensorboard, done=done))
    if run.watching.mlflow_uri:
        from training_code.watching.mlflow_run import MlflowRun

        found.append(MlflowRun(run, name))
    if run.watching.wandb != "off":
        from training_code.watching.wandb_run import WandbRun

        found.append(WandbRun(run, name, paths.output_data / "wandb"))
    if folder := os.environ.get(FOLDER_VARIABLE):
        found.append(TextFile(Path(folder), name))
    if file := os.environ.get(VITALS):
        found.append(VitalsFile(Path(file), clock))
    return found


def _peak(paths: ContainerPaths) -> float | None:
    """bf16 dense peak of one accelerator of this host, FLOP/s; None where there is none or it is not known."""
    try:
        return instance(ResourceConfig.read(paths).instance_type).peak_flops
    except ContractError:
        return None


def _memory_gib(device: torch.device) -> float:
    """Most that this rank has held so far, GiB: on the GPU where there is one, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / GIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
