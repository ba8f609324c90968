"""What is looked at of training: executions of a pipeline, figures that jobs report, their hosts.

Sources, read 2026-11-22: "Amazon SageMaker AI metrics in Amazon CloudWatch" (job metrics: dimension Host, whose value
is ``[job]/algo-[number]``; pipelines metrics: namespace ``AWS/Sagemaker/ModelBuildingPipeline``, durations in
milliseconds); "CloudWatch search expression syntax", CloudWatch User Guide.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs_lib.pages.widgets import Graph, Series, Widget, Words, metric, search
from ml_contract import metrics, pulse
from ml_contract.metrics import Metric
from ml_contract.sizing.interval import PROMISE_SECONDS

JOBS = "/aws/sagemaker/TrainingJobs"
PIPELINES = "AWS/Sagemaker/ModelBuildingPipeline"
NAMED = "pipelines"
"""What the names of the jobs of all pipelines begin with, before the id of their execution."""
_OUTCOMES = ("Started", "Succeeded", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class _Figure:
    title: str
    metric: Metric
    unit: str
    stat: str = "Average"
    limit: float | None = None


_FIGURES = (
    _Figure(title="Loss", metric=metrics.LOSS, unit="nats"),
    _Figure(title="Tokens a second, all ranks", metric=metrics.TOKENS_PER_SECOND, unit="tokens/s"),
    _Figure(title="Step time", metric=metrics.STEP_SECONDS, unit="s"),
    _Figure(title="Model FLOPs utilisation", metric=metrics.MFU, unit="share of the peak"),
    _Figure(title="Goodput", metric=metrics.GOODPUT, unit="share of the time"),
    _Figure(title="Memory of the first rank", metric=metrics.MEMORY, stat="Maximum", unit="GiB"),
    _Figure(title="Work that is not durable yet", metric=metrics.CHECKPOINT_AGE, stat="Maximum", unit="s",
            limit=PROMISE_SECONDS),
    _Figure(title="Steps held up by checkpoints", metric=metrics.CHECKPOINT_STALL_SECONDS, stat="Maximum", unit="s"),
    _Figure(title="Commit of a checkpoint", metric=metrics.CHECKPOINT_SECONDS, stat="Maximum", unit="s"),
    _Figure(title="Newest committed step", metric=metrics.CHECKPOINT_STEP, stat="Maximum", unit="step"),
    _Figure(title="Spot interruptions", metric=metrics.INTERRUPTED_STEP, stat="SampleCount", unit="interruptions"),
    _Figure(title="Step that a restart went on from", metric=metrics.RESTORED_STEP, stat="Maximum", unit="step"),
)  # fmt: skip
_HOSTS = (
    ("Processors", "CPUUtilization", "% of one, summed"),
    ("Memory", "MemoryUtilization", "%"),
    ("Disk", "DiskUtilization", "%"),
    ("GPUs", "GPUUtilization", "% of one, summed"),
    ("GPU memory", "GPUMemoryUtilization", "% of one, summed"),
)


def pipeline_widgets(name: str) -> list[Widget]:
    """Executions of one pipeline, how long they took, its steps, and whether its jobs get on.

    Args:
        name: Its name in SageMaker.
    """
    here = {"PipelineName": name}
    steps = f'PipelineName="{name}" MetricName='
    return [
        Words(markdown=f"### {name}"),
        Graph(
            title="Executions", unit="executions", stat="Sum", period=300, width=6, height=5,
            series=tuple(metric(PIPELINES, f"Execution{word}", here, label=word.lower()) for word in _OUTCOMES),
        ),
        Graph(
            title="How long executions took", unit="ms", stat="Maximum", period=300, width=6, height=5,
            series=(metric(PIPELINES, "ExecutionDuration", here, label="execution"),
                    search(PIPELINES, ("PipelineName", "StepName"), f'{steps}"StepDuration"', "Maximum")),
        ),
        Graph(
            title="Steps that failed", unit="steps", period=300, width=6, height=5,
            series=(search(PIPELINES, ("PipelineName", "StepName"), f'{steps}"StepFailed"', "Sum"),),
        ),
        Graph(
            title="Signs of life of its jobs", unit="s", stat="Maximum", width=6, height=5,
            series=(metric(pulse.NAMESPACE, pulse.SILENCE.name, {pulse.DIMENSION: name}, label="since the last step"),
                    metric(pulse.NAMESPACE, pulse.CHECKPOINT_AGE.name, {pulse.DIMENSION: name},
                           label="work not durable")),
        ),
    ]  # fmt: skip


def job_widgets() -> list[Widget]:
    """What training jobs of the pipelines report, a curve each job.

    A metric of a job has the job's name as its only dimension, and SageMaker names jobs after their execution: no
    search can tell the jobs of one pipeline from another's. A page's variable narrows it to an execution.
    """
    return [Graph(title=one.title, unit=one.unit, limit=one.limit, series=(_job(one),)) for one in _FIGURES]


def host_widgets() -> list[Widget]:
    """The hosts of these jobs, a curve each host."""
    return [
        Graph(title=title, unit=unit,
              series=(search(JOBS, ("Host",), f'Host={NAMED} MetricName="{name}"', "Average"),))
        for title, name, unit in _HOSTS
    ]  # fmt: skip


def _job(figure: _Figure) -> Series:
    terms = f'TrainingJobName={NAMED} MetricName="{figure.metric.name}"'
    return search(JOBS, ("TrainingJobName",), terms, figure.stat)
