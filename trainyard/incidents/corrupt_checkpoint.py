"""Bits of the newest commit flip in S3 while its job has no hosts: the restart finds out and takes the one before."""

from __future__ import annotations

from typing import ClassVar

from ml_contract.symptoms import CHECKPOINT_CORRUPT, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import Scene, require
from trainyard.operations import checkpoints
from trainyard.operations.checkpoints import Checkpoint
from trainyard.operations.objects import open_objects

_WITHOUT_HOSTS_SECONDS = 300.0
"""Longest time in which the bits flip: nobody writes or reads then. There are hosts again as soon as they have."""


class CorruptCheckpoint(Incident):
    name: ClassVar[str] = "corrupt-checkpoint"
    summary: ClassVar[str] = "a byte of the newest commit changes in S3 while its job is interrupted"
    symptoms: ClassVar[tuple[Symptom, ...]] = (CHECKPOINT_CORRUPT,)
    subject: ClassVar[str] = WORKLOAD
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION", "JOB", "CHECKPOINTS")
    run: Run
    reclaim: str
    """Id of the fault that keeps the hosts away."""
    steps: int
    damaged: Checkpoint
    """The commit whose bits flipped."""

    def prepare(self, scene: Scene) -> None:
        every = runs.commit_steps(scene)
        # Hosts go between two commits, and commit where they are: two of them are there then, and time for the rest.
        self.steps, last = max(3 * every, 60), every + every // 2
        self.run = runs.start(scene, steps=self.steps)
        self.reclaim = scene.fault(
            "SpotReclaim", TrainingJobName=self.run.jobs, RestartAfterSeconds=_WITHOUT_HOSTS_SECONDS,
            LogPattern=rf"\[metrics\] step={last} .*train:loss=",
        )  # fmt: skip
        scene.variables["JOB"] = self.run.job()
        scene.variables["CHECKPOINTS"] = self.run.checkpoints()

    def provoke(self, scene: Scene) -> None:
        sagemaker = scene.client("sagemaker")

        def interrupted() -> bool:
            found = sagemaker.describe_training_job(TrainingJobName=scene.variables["JOB"])
            return bool(found["SecondaryStatus"] == "Interrupted")

        scene.wait(interrupted, 300.0, "the job to be interrupted")
        found = checkpoints.find(open_objects(lambda: scene.connection, scene.variables["CHECKPOINTS"]))
        self.damaged = next(one for one in found if one.status == "committed")
        _flip_a_byte(scene, self.damaged)
        scene.clear(self.reclaim)

    def check(self, scene: Scene) -> list[str]:
        training = self.run.trained()
        objects = open_objects(lambda: scene.connection, scene.variables["CHECKPOINTS"])
        found = {one.attempt.uuid: one for one in checkpoints.find(objects)}
        status = found[self.damaged.attempt.uuid].status
        require(status == "quarantined", f"the commit of step {self.damaged.step} is {status}, not quarantined")
        resumed = training.resumed_from()
        earlier = bool(resumed) and 0 < resumed[-1] < self.damaged.step
        require(earlier, f"{training.job}: it resumed from {resumed}, and not from before step {self.damaged.step}")
        lost = runs.require_nothing_lost(training, self.steps, runs.commit_steps(scene))
        return [
            f"the commit of step {self.damaged.step} is quarantined and nothing of it is deleted",
            f"resumed from the commit of step {resumed[-1]}",
            lost,
        ]


def _flip_a_byte(scene: Scene, one: Checkpoint) -> None:
    """Change one byte in the middle of a commit's largest file, as S3 would hand out a damaged object."""
    bucket, _, prefix = scene.variables["CHECKPOINTS"].removeprefix("s3://").partition("/")
    largest = max(one.attempt.entries, key=lambda name: one.attempt.entries[name].size)
    key = f"{prefix}/{one.attempt.prefix}/{largest}"
    s3 = scene.client("s3")
    content = bytearray(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    content[len(content) // 2] ^= 0xFF
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(content))
