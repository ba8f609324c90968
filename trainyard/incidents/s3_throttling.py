"""S3 asks to slow down below the checkpoints of a job: what is saved is tried again until it is there."""

from __future__ import annotations

from typing import ClassVar

from ml_contract.checkpoint.catalog import STEP_DIGITS
from ml_contract.symptoms import STORAGE_ERRORS, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import Scene, require
from trainyard.operations import checkpoints
from trainyard.operations.objects import open_objects

_REFUSED = 5
"""Requests of one save that are refused: one less than the tries of each of its objects, whichever they hit."""


class S3Throttling(Incident):
    name: ClassVar[str] = "s3-throttling"
    summary: ClassVar[str] = "S3 answers SlowDown to the saves of one job"
    subject: ClassVar[str] = "checkpoints"
    symptoms: ClassVar[tuple[Symptom, ...]] = (STORAGE_ERRORS,)
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION", "JOB", "CHECKPOINTS")
    skipped: ClassVar[str] = (
        "checkpoint-age is not played: its promise is in minutes of training, which no shorter minute shortens"
    )
    run: Run
    every: int
    """Steps between two of its saves."""
    saves: int
    """How many are refused at first."""

    def prepare(self, scene: Scene) -> None:
        # Each save is refused as often as its tries allow: so many saves raise the alarm.
        self.saves = int(scene.threshold(self.alarms[0])) // _REFUSED + 1
        self.every = runs.commit_steps(scene)

    def provoke(self, scene: Scene) -> None:
        self.run = runs.start(scene, steps=self.saves * self.every)
        # Before it has a job that could save: its checkpoints lie below its id.
        bucket, execution = scene.output("storage", "CheckpointBucketName"), self.run.arn.rpartition("/")[2]
        for number in range(1, self.saves + 1):
            folder = f"*/{execution}/step-{number * self.every:0{STEP_DIGITS}d}/*"
            scene.fault("S3Error", Bucket=bucket, Key=folder, Operation="Put*", Count=_REFUSED,
                        ErrorCode="SlowDown", StatusCode=503)  # fmt: skip
        scene.variables["JOB"] = self.run.job()
        scene.variables["CHECKPOINTS"] = self.run.checkpoints()

    def check(self, scene: Scene) -> list[str]:
        training = self.run.trained()
        require(not training.interruptions(), f"{training.job}: it was interrupted, which was not played")
        lost = runs.require_nothing_lost(training, self.saves * self.every, 0)
        objects = open_objects(lambda: scene.connection, scene.variables["CHECKPOINTS"])
        verified = [checkpoints.verify(objects, one) for one in checkpoints.find(objects) if one.status == "committed"]
        damaged = [one for one in verified if one.findings]
        require(bool(verified) and not damaged, f"{objects.uri}: {len(damaged)} of {len(verified)} commits are damaged")
        steps = ", ".join(str(one.checkpoint.step) for one in reversed(verified))
        return [lost, f"{self.saves * _REFUSED} requests were refused, and the commits of steps {steps} are sound"]
