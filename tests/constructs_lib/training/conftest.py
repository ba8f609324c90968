"""A stack with everything that a pipeline needs, made once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from synthesis import resolved

from ml_contract.images import PYTORCH_TRAINING
from trainyard.local.api.shapes import violations


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """Hyperparameters of a trainer."""

    rate: float = 0.1
    state: str | None = None


class World:
    """A stack with everything that a step needs."""

    def __init__(self) -> None:
        import aws_cdk as cdk

        from constructs_lib.network import Network, NetworkSettings, know_availability_zones
        from constructs_lib.storage import Storage, StorageSettings
        from constructs_lib.training import CodeBundle, DeepLearningImage, Location

        self.app = cdk.App()
        self.stack = cdk.Stack(self.app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        know_availability_zones(self.stack, ("eu-west-1a",))
        self.network = Network(
            self.stack, "Network", removal=cdk.RemovalPolicy.DESTROY,
            settings=NetworkSettings(cidr="10.0.0.0/24", availability_zones=("eu-west-1a",), nodes=2, efa=False,
                                     log_days=1),
        )  # fmt: skip
        self.storage = Storage(
            self.stack, "Storage", removal=cdk.RemovalPolicy.DESTROY,
            settings=StorageSettings(checkpoint_days=1, replaced_days=1, access_log_days=1),
        )  # fmt: skip
        self.image = DeepLearningImage(image=PYTORCH_TRAINING)
        self.data = Location(bucket=self.storage.data, prefix="in")
        self.results = Location(bucket=self.storage.artifacts, prefix="out")
        self.code = CodeBundle(self.stack, "Code", packages=("ml_contract", "training_code"))
        self.pipelines = 0

    def train(self, **fields: object):
        from constructs_lib.training import OnDemandCapacity, TrainingResources
        from constructs_lib.training.steps import Channel, TrainingStep

        given = {
            "name": "Train",
            "image": self.image,
            "program": self.code.program("training_code.launcher"),
            "resources": TrainingResources(instance_type="ml.c5.xlarge", instance_count=1, volume_gib=10, efa=False),
            "capacity": OnDemandCapacity(max_run_seconds=60),
            "channels": (Channel(name="train", source=self.data),),
            "output": self.results,
            "hyperparameters": Knobs(),
            **fields,
        }
        return TrainingStep(**given)

    def process(self, **fields: object):
        from constructs_lib.training import ProcessingResources
        from constructs_lib.training.steps import Output, ProcessingStep

        given = {
            "name": "Process",
            "image": self.image,
            "program": self.code.program("training_code.launcher"),
            "resources": ProcessingResources(instance_type="ml.c5.xlarge", volume_gib=10, max_run_seconds=60),
            "outputs": (Output(name="report", location=self.results),),
            **fields,
        }
        return ProcessingStep(**given)

    def pipeline(self, *steps: object, name: str = "p", parameters: tuple = ()):
        from constructs_lib.training import TrainingPipeline

        self.pipelines += 1
        return TrainingPipeline(
            self.stack, f"Pipeline{self.pipelines}", name=name, parameters=parameters, steps=steps,
            network=self.network, key=self.storage.key,
        )  # fmt: skip


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def refused(match: str):
    return pytest.raises(ValueError, match=match)


def request_of(world: World, step: Any) -> dict[str, Any]:
    """The request that a pipeline of this one step would send, held against the service model."""
    built = world.pipeline(step)
    body = world.stack.resolve(built.resource.pipeline_definition)["PipelineDefinitionBody"]
    (found,) = json.loads(resolved(body))["Steps"]
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateTrainingJob").input_shape
    assert violations(shape, {**found["Arguments"], "TrainingJobName": "job"}, expressions=True) == []
    return found["Arguments"]


def grants(world: World, step: Any) -> list[dict[str, Any]]:
    """Statements of the jobs' role of a pipeline of this one step."""
    built = world.pipeline(step)
    (policy,) = (child for child in built.jobs.node.find_all() if child.node.id == "DefaultPolicy")
    return world.stack.resolve(policy.document)["Statement"]


def warnings(world: World, step: Any) -> list[str]:
    """What synthesis says of a pipeline of this one step."""
    built = world.pipeline(step)
    return [str(entry.data) for entry in built.node.metadata if entry.type == "aws:cdk:warning"]
