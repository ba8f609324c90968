"""How a run of a tracker and an execution of a pipeline find each other: tags of the run, and one line of the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ml_contract.values import value_object

PREFIX: Final = "mlflow:"


@value_object
class Link:
    """One thing that a run is tagged with."""

    variable: str
    """Environment variable of the container that holds it."""
    tag: str
    """Tag of the run."""


EXECUTION: Final = Link(variable="TRAINYARD_EXECUTION_ARN", tag="trainyard.execution")
"""ARN of the pipeline's execution."""
STEP: Final = Link(variable="TRAINYARD_STEP", tag="trainyard.step")
"""The step of the execution."""
ENVIRONMENT: Final = Link(variable="TRAINYARD_ENVIRONMENT", tag="trainyard.environment")
"""The environment's short name."""
CODE: Final = Link(variable="TRAINYARD_CODE", tag="trainyard.code")
"""Digest of the code that runs: what a commit stands for, and the same for two commits that change nothing here."""
JOB: Final = Link(variable="TRAINING_JOB_ARN", tag="trainyard.job")
"""ARN of the job; SageMaker sets the variable."""
LINKS: Final = (EXECUTION, STEP, ENVIRONMENT, CODE, JOB)

_LINE = re.compile(rf"{PREFIX} run (\S+) of experiment (\S+) at (\S+)")


def tags(environment: Mapping[str, str]) -> dict[str, str]:
    """Tags of a run, from a container's variables; what is not set is left out."""
    return {link.tag: environment[link.variable] for link in LINKS if environment.get(link.variable)}


@value_object
class TrackedRun:
    """A run of MLflow."""

    run: str
    """Its id."""
    experiment: str
    """Id of its experiment."""
    uri: str
    """Tracking server, or ARN of a SageMaker MLflow app or server."""

    def line(self) -> str:
        """As the job's log says it, once a start."""
        return f"{PREFIX} run {self.run} of experiment {self.experiment} at {self.uri}"

    @property
    def page(self) -> str:
        """Where a person looks at it: an address, or behind an ARN the path below the app's own address."""
        below = f"#/experiments/{self.experiment}/runs/{self.run}"
        return f"{self.uri.rstrip('/')}/{below}" if self.uri.startswith("http") else below

    @property
    def command(self) -> str | None:
        """What opens a managed app or server; None for an address that is open already."""
        if ":mlflow-app/" in self.uri:
            return f"aws sagemaker create-presigned-mlflow-app-url --arn {self.uri}"
        if ":mlflow-tracking-server/" in self.uri:
            name = self.uri.rpartition("/")[2]
            return f"aws sagemaker create-presigned-mlflow-tracking-server-url --tracking-server-name {name}"
        return None


def parse(text: str) -> TrackedRun | None:
    """Read a line that :meth:`TrackedRun.line` wrote; ``None`` for any other."""
    match = _LINE.search(text)
    return TrackedRun(run=match[1], experiment=match[2], uri=match[3]) if match else None
