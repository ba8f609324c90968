"""An MLflow run: hyperparameters once, figures by step. A restarted job goes on with the run it began."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ml_contract.tracking import TrackedRun, tags
from ml_contract.training.run import TrainingRun
from training_code.log import say
from training_code.watching.names import flat
from training_code.watching.sink import Sink

RUN_TAG = "trainyard.run"
BATCH_SECONDS = 2.0
"""Figures are sent together, this often."""
MOST_METRICS = 1000
"""Of one request (MLflow REST API, log-batch, read 2026-11)."""
MOST_PARAMETERS = 100
LONGEST_PARAMETER = 6000


class MlflowRun(Sink):
    """A run on a tracking server, or in a SageMaker MLflow app (by its ARN, with the plug-in sagemaker-mlflow)."""

    name = "MLflow"

    def __init__(self, run: TrainingRun, name: str) -> None:
        """Remember what to open; the server is first asked in the background.

        Args:
            run: Names server and experiment.
            name: The same for every attempt of a job.
        """
        self._run, self._name = run, name
        self._client: Any = None
        self._id = ""
        self._pending: list[object] = []
        self._sent = time.monotonic()

    def write(self, step: int, figures: Mapping[str, float], /) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._pending += [Metric(_allowed(name), value, now, step) for name, value in figures.items()]
        if time.monotonic() - self._sent >= BATCH_SECONDS or len(self._pending) > MOST_METRICS // 2:
            self._send()

    def close(self, status: str) -> None:
        self._send()
        client = self._open()
        client.set_terminated(self._id, status)

    def _send(self) -> None:
        client = self._open()
        self._sent = time.monotonic()
        while self._pending:
            client.log_batch(self._id, metrics=self._pending[:MOST_METRICS])
            del self._pending[:MOST_METRICS]

    def _open(self) -> Any:
        if self._client is not None:
            return self._client
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=self._run.watching.mlflow_uri)
        name = self._run.watching.mlflow_experiment
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)
        tag = f"tags.`{RUN_TAG}` = '{self._name}'"
        earlier = client.search_runs([experiment], filter_string=tag, max_results=1)
        if earlier:
            self._id = earlier[0].info.run_id
            client.update_run(self._id, status="RUNNING")
        else:
            told = {RUN_TAG: self._name, **tags(os.environ)}
            self._id = client.create_run(experiment, run_name=self._name, tags=told).info.run_id
            parameters = [Param(key, value[:LONGEST_PARAMETER]) for key, value in flat(self._run).items()]
            for first in range(0, len(parameters), MOST_PARAMETERS):
                client.log_batch(self._id, params=parameters[first : first + MOST_PARAMETERS])
        assert self._run.watching.mlflow_uri is not None
        say(TrackedRun(run=self._id, experiment=experiment, uri=self._run.watching.mlflow_uri).line())
        self._client = client
        return client


def _allowed(name: str) -> str:
    # MLflow takes no colon in a name on every back end.
    return name.replace(":", "/")
