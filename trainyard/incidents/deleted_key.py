"""The key of the platform's data is scheduled for deletion while a job trains."""

from __future__ import annotations

from typing import ClassVar

from ml_contract.symptoms import KEY_DELETION, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import Scene, require
from trainyard.operations import checkpoints
from trainyard.operations.connection import OperationError
from trainyard.operations.objects import open_objects

_STEPS = 4000
"""More than are done before the play ends."""
_WINDOW_DAYS = 7
"""The shortest that KMS takes (ScheduleKeyDeletion, AWS KMS API reference, read 2026-11-22)."""


class DeletedKey(Incident):
    name: ClassVar[str] = "deleted-key"
    summary: ClassVar[str] = "the key of buckets and volumes is scheduled for deletion while a job trains"
    symptoms: ClassVar[tuple[Symptom, ...]] = (KEY_DELETION,)
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION", "JOB", "CHECKPOINTS", "KEY")
    minute_seconds: ClassVar[float] = 1.0
    run: Run

    def prepare(self, scene: Scene) -> None:
        self.run = runs.start(scene, steps=_STEPS)
        scene.variables |= {"JOB": self.run.job(), "CHECKPOINTS": self.run.checkpoints()}
        scene.wait(lambda: self._committed(scene), 240.0, "a commit")

    def provoke(self, scene: Scene) -> None:
        key = scene.variables["KEY"] = scene.output("storage", "KeyArn")
        kms = scene.client("kms")
        # Without the key nothing of the deployment can be read any more: it is saved whatever happens.
        scene.afterwards(lambda: kms.enable_key(KeyId=key))
        scene.afterwards(lambda: kms.cancel_key_deletion(KeyId=key))
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=_WINDOW_DAYS)
        failed = self.run.ended()
        require(failed.status == "Failed", f"{failed.arn}: {failed.status}, though its key is not there")

    def check(self, scene: Scene) -> list[str]:
        state = scene.client("kms").describe_key(KeyId=scene.variables["KEY"])["KeyMetadata"]["KeyState"]
        require(state == "Enabled", f"{scene.variables['KEY']}: it is {state}")
        before = scene.variables["JOB"]

        def resumed() -> list[int]:
            if self.run.job() == before:
                return []
            try:
                return self.run.training().resumed_from()
            except OperationError:
                return []  # it has no log yet

        steps = scene.wait(resumed, 240.0, "a job that resumes")
        require(steps[0] > 0, f"{self.run.job()}: it began at step {steps[0]}")
        return ["the key is enabled", f"{self.run.job()} has resumed from the commit of step {steps[0]}"]

    @staticmethod
    def _committed(scene: Scene) -> bool:
        objects = open_objects(lambda: scene.connection, scene.variables["CHECKPOINTS"])
        return any(one.status == "committed" for one in checkpoints.find(objects))
