"""Spot hosts are taken away again and again: each time the job resumes from its last commit."""

from __future__ import annotations

import math
from typing import ClassVar

from ml_contract.symptoms import SPOT_INTERRUPTIONS, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import Scene, require

_STEPS = 60
"""More than are done until the hosts hear of each reclaim: a job that has ended has none to lose."""
_ANY_STEP = r"\[metrics\] step=\d+ .*train:loss="


class SpotStorm(Incident):
    name: ClassVar[str] = "spot-storm"
    summary: ClassVar[str] = "one job's spot hosts are reclaimed again and again, from step to step"
    symptoms: ClassVar[tuple[Symptom, ...]] = (SPOT_INTERRUPTIONS,)
    subject: ClassVar[str] = WORKLOAD
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION", "JOB", "CHECKPOINTS")
    run: Run
    reclaims: int

    def prepare(self, scene: Scene) -> None:
        self.run = runs.start(scene, steps=_STEPS)

    def provoke(self, scene: Scene) -> None:
        self.reclaims = math.ceil(scene.threshold(self.alarms[0]))
        # Whatever step a start comes to first: its hosts are gone at once.
        scene.fault("SpotReclaim", TrainingJobName=self.run.jobs, LogPattern=_ANY_STEP, Count=self.reclaims)
        job = self.run.job()
        scene.variables |= {"JOB": job, "CHECKPOINTS": self.run.checkpoints()}

    def check(self, scene: Scene) -> list[str]:
        execution = self.run.ended()
        require(execution.status == "Succeeded", f"{execution.arn}: {execution.status}: {execution.reason}")
        training = self.run.training()
        times = len(training.interruptions())
        require(times == self.reclaims, f"{training.job}: interrupted {times} times, not {self.reclaims}")
        lost = runs.require_nothing_lost(training, _STEPS, runs.commit_steps(scene))
        resumed = ", ".join(map(str, training.resumed_from()))
        return [f"resumed from the commits at steps {resumed}", lost, f"{execution.pipeline} has succeeded"]
