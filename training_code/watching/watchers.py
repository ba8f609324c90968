"""The figures of each step, told to everybody who watches."""

from __future__ import annotations

from ml_contract import metrics
from ml_contract.metrics import Metric
from ml_contract.paths import ContainerPaths
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.log import say
from training_code.parallel.ranks import Ranks


class Watchers:
    """Everybody who watches; on ranks other than the first, nobody."""

    def __init__(self, run: TrainingRun, ranks: Ranks, layout: Layout) -> None:
        self._run, self._ranks, self._layout = run, ranks, layout

    @classmethod
    def open(cls, run: TrainingRun, ranks: Ranks, paths: ContainerPaths, *, layout: Layout) -> Watchers:  # noqa: ARG003
        """Open what the run asks for, before its first step."""
        return cls(run, ranks, layout)

    def step(self, step: int, figures: dict[Metric, float], seconds: float) -> None:
        """Tell the figures of a step that took ``seconds``."""
        if not self._ranks.is_leader or step % self._run.watching.every_steps:
            return
        tokens = self._run.global_batch_size * self._run.workload.size.tokens
        say(metrics.line(step, {**figures, metrics.TOKENS_PER_SECOND: tokens / seconds}))

    def close(self) -> None:
        """Write what is still held back."""
