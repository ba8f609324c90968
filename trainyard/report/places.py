"""Where more about a chapter is to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

from trainyard.operations.logs import TRAINING_GROUP
from trainyard.report.chapter import Chapter
from trainyard.report.data import Report

Place = tuple[str, str, str]
"""Name, text, address; the address is empty where there is none."""


def places(report: Report) -> Callable[[Chapter], Iterator[Place]]:
    """Name, text and address of each place of a chapter; without a console there are commands alone."""
    console = f"https://{report.region}.console.aws.amazon.com" if report.region and not report.emulated else ""
    trainyard = "trainyard --local" if report.emulated else "trainyard"

    def of(chapter: Chapter) -> Iterator[Place]:
        yield "ARN", chapter.execution.arn, ""
        if chapter.run is not None:
            job = chapter.run.job
            at = f"{console}/sagemaker/home?region={report.region}#/jobs/{job}" if console else ""
            yield "training job", job, at
            # The console encodes a name of CloudWatch Logs twice, with $ for the second %.
            group, stream = (quote(quote(name, safe=""), safe="").replace("%", "$") for name in (TRAINING_GROUP, job))
            at = (f"{console}/cloudwatch/home?region={report.region}#logsV2:log-groups/log-group/{group}"
                  f"$3FlogStreamNameFilter$3D{stream}") if console else ""  # fmt: skip
            yield "log", f"{trainyard} logs {job}", at
            yield "checkpoints", f"{trainyard} checkpoints list {job}", ""
        if chapter.tracked is not None:
            page = chapter.tracked.page
            yield "MLflow", page, page if page.startswith("https://") else ""
            if chapter.tracked.command:
                yield "opened by", chapter.tracked.command, ""
        if chapter.package:
            yield "model package", chapter.package, ""

    return of
