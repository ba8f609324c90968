"""The one format of a metric line in a log, and the expressions that SageMaker reads it by.

A line looks like ``[metrics] step=12 train:loss=2.5081 train:tokens_per_second=20480.0``. SageMaker applies each
regular expression to every line and takes the first group as the value. At most 40 definitions a job, names and
expressions within MetricDefinition's patterns (API reference, read 2026-11).
"""

from __future__ import annotations

import re

from ml_contract.errors import reject
from ml_contract.values import value_object

PREFIX = "[metrics]"
_NUMBER = r"([-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|nan|inf))"


@value_object
class Metric:
    """A figure that a training container reports."""

    name: str
    """Name in CloudWatch, for example ``train:loss``."""
    unit: str
    """Unit in words, for axes and tables."""

    @property
    def regex(self) -> str:
        """Expression with one group, the value."""
        return rf"\[metrics\].* {re.escape(self.name)}={_NUMBER}(?: |$)"


LOSS = Metric(name="train:loss", unit="nats")
LEARNING_RATE = Metric(name="train:learning_rate", unit="1")
TOKENS_PER_SECOND = Metric(name="train:tokens_per_second", unit="tokens/s, all ranks")
STEP_SECONDS = Metric(name="train:step_seconds", unit="s from step to step")
MFU = Metric(name="train:mfu", unit="share of the dense bf16 peak")
GOODPUT = Metric(name="train:goodput", unit="share of the time since the first start")
MEMORY = Metric(name="train:memory_gib", unit="GiB, most so far on the first rank")
GRADIENT_NORM = Metric(name="train:gradient_norm", unit="1")
ACCURACY = Metric(name="train:accuracy", unit="share of a step's samples")
VISUAL_TOKENS = Metric(name="train:visual_tokens", unit="tokens of an image, mean of a step's")
ROUTER_UNEVENNESS = Metric(name="train:router_unevenness", unit="1 where experts are chosen equally often")
CHECKPOINT_SECONDS = Metric(name="checkpoint:commit_seconds", unit="s")
CHECKPOINT_STALL_SECONDS = Metric(name="checkpoint:stall_seconds", unit="s")
CHECKPOINT_AGE = Metric(name="checkpoint:age_seconds", unit="s of work that a loss of all hosts would cost now")
CHECKPOINT_DIP = Metric(name="checkpoint:dip", unit="step time during a save by step time before it")
CHECKPOINT_STEP = Metric(name="checkpoint:committed_step", unit="step")
CHECKPOINT_MEMORY_STEP = Metric(name="checkpoint:memory_step", unit="step")
CHECKPOINT_MEMORY_SECONDS = Metric(name="checkpoint:memory_commit_seconds", unit="s")
CHECKPOINT_MEMORY_STALL_SECONDS = Metric(name="checkpoint:memory_stall_seconds", unit="s")
CHECKPOINTS_QUARANTINED = Metric(name="checkpoint:quarantined", unit="commits that did not verify and were put aside")
RESTORED_STEP = Metric(name="checkpoint:restored_step", unit="step")
INTERRUPTED_STEP = Metric(name="train:interrupted_step", unit="step")
METRICS = (LOSS, LEARNING_RATE, TOKENS_PER_SECOND, STEP_SECONDS, MFU, GOODPUT, MEMORY, GRADIENT_NORM, ACCURACY,
           VISUAL_TOKENS, ROUTER_UNEVENNESS, CHECKPOINT_SECONDS, CHECKPOINT_STALL_SECONDS, CHECKPOINT_AGE,
           CHECKPOINT_DIP, CHECKPOINT_STEP,
           CHECKPOINT_MEMORY_STEP, CHECKPOINT_MEMORY_SECONDS, CHECKPOINT_MEMORY_STALL_SECONDS,
           CHECKPOINTS_QUARANTINED, RESTORED_STEP, INTERRUPTED_STEP)  # fmt: skip
_BY_NAME = {metric.name: metric for metric in METRICS}


def line(step: int, values: dict[Metric, float]) -> str:
    """Write a metric line.

    Args:
        step: Training step, from 1.
        values: Figures of that step. Floats are written by ``repr``, so that a reader gets the same bits back.

    Raises:
        ContractError: A metric that is no member of ``METRICS``: no definition would match it.
    """
    for metric in values:
        if metric not in METRICS:
            reject("metric", metric.name, "SageMaker reads only what METRICS defines", "Add it to ml_contract.metrics.")
    return " ".join([PREFIX, f"step={step}", *(f"{metric.name}={value!r}" for metric, value in values.items())])


def parse(text: str) -> tuple[int, dict[Metric, float]] | None:
    """Read a line that :func:`line` wrote; ``None`` for any other line."""
    match = re.search(re.escape(PREFIX) + r" step=(\d+)(.*)", text)
    if match is None:
        return None
    pairs = (pair.split("=", 1) for pair in match.group(2).split() if "=" in pair)
    return int(match.group(1)), {_BY_NAME[name]: float(value) for name, value in pairs if name in _BY_NAME}
