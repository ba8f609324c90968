"""What is looked at of training: executions of a pipeline, figures that jobs report, their hosts.

Sources, read 2026-11-22: "Amazon SageMaker AI metrics in Amazon CloudWatch" (job metrics: dimension Host, whose value is
``[job]/algo-[number]``; pipelines metrics: namespace ``AWS/Sagemaker/ModelBuildingPipeline``, durations in
milliseconds); "CloudWatch search expression syntax", CloudWatch User Guide.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs_lib.pages.widgets import Graph, Series, Widget, Words, metric, search
from ml_contract import metrics
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
    stat: str = "Average"
    limit: float | None = None
    unit: str = ""


_FIGURES = (
    _Figure(title="Loss", metric=metrics.LOSS),
    _Figure(title="Tokens a second", metric=metrics.TOKENS_PER_SECOND),
    _Figure(title="Step time", metric=metrics.STEP_SECONDS),
    _Figure(title="Model FLOPs utilisation", metric=metrics.MFU),
    _Figure(title="Goodput", metric=metrics.GOODPUT),
    _Figure(title="Memory of the first rank", metric=metrics.MEMORY, stat="Maximum"),
    _Figure(title="Work that is not durable yet", metric=metrics.CHECKPOINT_AGE, stat="Maximum", limit=PROMISE_SECONDS),
    _Figure(title="Steps held up by checkpoints", metric=metrics.CHECKPOINT_STALL_SECONDS, stat="Maximum"),
    _Figure(title="Commit of a checkpoint", metric=metrics.CHECKPOINT_SECONDS, stat="Maximum"),
    _Figure(title="Newest committed step", metric=metrics.CHECKPOINT_STEP, stat="Maximum"),
    _Figure(title="Spot interruptions", metric=metrics.INTERRUPTED_STEP, stat="SampleCount", unit="interruptions"),
    _Figure(title="Step after a restart", metric=metrics.RESTORED_STEP, stat="Maximum"),
)
_HOSTS = (
    ("Processors", "CPUUtilization", "per cent of one, all summed"),
    ("Memory", "MemoryUtilization", "per cent"),
    ("Disk", "DiskUtilization", "per cent"),
    ("GPUs", "GPUUtilization", "per cent of one, all summed"),
    ("GPU memory", "GPUMemoryUtilization", "per cent of one, all summed"),
)


def pipeline_widgets(name: str) -> list[Widget]:
    """Executions of one pipeline, how long they took, and its steps.

    Args:
        name: Its name in SageMaker.
    """
    here = {"PipelineName": name}
    steps = f'PipelineName="{name}" MetricName='
    return [
        Words(markdown=f"### {name}"),
        Graph(
            title="Executions", unit="executions", stat="Sum", period=300, height=5,
            series=tuple(metric(PIPELINES, f"Execution{word}", here, label=word.lower()) for word in _OUTCOMES),
        ),
        Graph(
            title="How long executions took", unit="ms", stat="Maximum", period=300, height=5,
            series=(metric(PIPELINES, "ExecutionDuration", here, label="execution"),
                    search(PIPELINES, ("PipelineName", "StepName"), f'{steps}"StepDuration"', "Maximum")),
        ),
        Graph(
            title="Steps that failed", unit="steps", period=300, height=5,
            series=(search(PIPELINES, ("PipelineName", "StepName"), f'{steps}"StepFailed"', "Sum"),),
        ),
    ]  # fmt: skip


def job_widgets() -> list[Widget]:
    """What training jobs of the pipelines report, a curve each job.

    A metric of a job has the job's name as its only dimension, and SageMaker names jobs after their execution: no
    search can tell the jobs of one pipeline from another's. A page's variable narrows it to an execution.
    """
    return [
        Graph(title=one.title, unit=one.unit or one.metric.unit, limit=one.limit, series=(_job(one),))
        for one in _FIGURES
    ]


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
