"""The image that jobs start from is deleted from its repository."""

from __future__ import annotations

import json
from typing import ClassVar

from ml_contract.image_address import ImageAddress
from ml_contract.symptoms import IMAGE_MISSING, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.pipeline_steps import training_step
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import IncidentFailed, Scene, require

_EARLIER = "earlier"
"""Tag of the release before, which the repository still holds."""


class ExpiredImage(Incident):
    name: ClassVar[str] = "expired-image"
    summary: ClassVar[str] = "the tag that jobs start from is deleted from the repository"
    symptoms: ClassVar[tuple[Symptom, ...]] = (IMAGE_MISSING,)
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION", "REPOSITORY", "TAG")
    minute_seconds: ClassVar[float] = 1.0
    run: Run

    def prepare(self, scene: Scene) -> None:
        uri = training_step(scene, scene.stack(WORKLOAD))["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
        address = ImageAddress.parse(uri)
        if address is None or address.tag is None:
            raise IncidentFailed(f"{uri}: it is no tag of a repository of ECR, so nobody can delete it there")
        ecr = scene.client("ecr")
        named = {"repositoryName": address.repository}
        (image,) = ecr.batch_get_image(**named, imageIds=[{"imageTag": address.tag}])["images"]
        release = json.dumps({"schemaVersion": 2, "config": {}, "layers": [], "annotations": {"release": _EARLIER}})
        scene.afterwards(lambda: ecr.batch_delete_image(**named, imageIds=[{"imageTag": _EARLIER}]))
        ecr.put_image(**named, imageTag=_EARLIER, imageManifest=release)
        # The tag is moved, not deleted: nobody is told of a second loss.
        scene.afterwards(lambda: ecr.put_image(**named, imageTag=address.tag, imageManifest=image["imageManifest"]))
        scene.variables |= {"REPOSITORY": address.repository, "TAG": address.tag}

    def provoke(self, scene: Scene) -> None:
        scene.client("ecr").batch_delete_image(
            repositoryName=scene.variables["REPOSITORY"], imageIds=[{"imageTag": scene.variables["TAG"]}]
        )
        self.run = runs.start(scene, steps=1)
        failed = self.run.ended()
        said = " ".join(step.reason for step in failed.steps)
        require("Cannot find the requested image" in said, f"{failed.arn}: {failed.status}: {said}")

    def check(self, scene: Scene) -> list[str]:
        def prepared() -> str | None:
            step = self.run.describe().step("Prepare")
            return step.status if step and step.status in ("Succeeded", "Failed") else None

        status = scene.wait(prepared, 180.0, "the first job to end")
        require(status == "Succeeded", f"{self.run.arn}: its first job has {status.lower()}")
        return ["the execution that was refused goes on: its first job has run from the image"]
