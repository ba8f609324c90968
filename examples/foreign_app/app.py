"""An app of somebody else: the constructs and the container code come from the installed wheel.

Its own model would bring a package of its own; here it trains the byte-level model that ships with Trainyard, in a
pipeline of one step.
"""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib.network import Network, NetworkSettings, know_availability_zones
from constructs_lib.storage import Storage, StorageSettings
from constructs_lib.training import (
    EXECUTION_ID,
    CodeBundle,
    DeepLearningImage,
    DirectCheckpoint,
    Location,
    SpotCapacity,
    TrainingPipeline,
    TrainingResources,
)
from constructs_lib.training.steps import Channel, TrainingStep
from constructs_lib.values import explained
from ml_contract.images import PYTORCH_TRAINING
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.workloads import BytesLm

ZONES = ("eu-west-1a", "eu-west-1b")


class ResearchStack(cdk.Stack):
    """Everything in one stack: a network, buckets, and a pipeline that trains on text in the data bucket."""

    def __init__(self, app: cdk.App) -> None:
        super().__init__(app, "Research", env=cdk.Environment(account="333333333333", region="eu-west-1"))
        know_availability_zones(self, ZONES)
        keep = cdk.RemovalPolicy.RETAIN
        network = Network(
            self,
            "Network",
            settings=NetworkSettings(cidr="10.50.0.0/24", availability_zones=ZONES, nodes=8, efa=False, log_days=30),
            removal=keep,
        )
        storage = Storage(
            self,
            "Storage",
            settings=StorageSettings(checkpoint_days=14, replaced_days=7, access_log_days=90),
            removal=keep,
        )
        code = CodeBundle(self, "Code", packages=("ml_contract", "training_code"))
        train = TrainingStep(
            name="Train",
            image=DeepLearningImage(image=PYTORCH_TRAINING),
            program=code.program("training_code.launcher"),
            resources=TrainingResources(instance_type="ml.g5.xlarge", instance_count=4, volume_gib=100, efa=False),
            capacity=SpotCapacity(max_run_seconds=6 * 3600, max_wait_seconds=24 * 3600),
            channels=(Channel(name="train", source=Location(bucket=storage.data, prefix="text/train")),),
            hyperparameters=TrainingRun(
                workload=BytesLm(dimension=512, layers=8, heads=8),
                strategy=Fsdp(sharding="shard_grad_op"),
                optimizer=AdamW(learning_rate=1e-3),
                global_batch_size=64,
                steps=2000,
            ),
            checkpoint=DirectCheckpoint(
                location=Location(bucket=storage.checkpoints, prefix="text", path=(EXECUTION_ID,)),
                hyperparameter="checkpoint_uri",
            ),
            output=Location(bucket=storage.artifacts, prefix="text", path=(EXECUTION_ID,)),
        )
        pipeline = TrainingPipeline(
            self, "Pipeline", name="research-text", parameters=(), steps=(train,), network=network, key=storage.key
        )
        cdk.CfnOutput(self, "StartCommand", value=pipeline.start_command)


with explained():
    app = cdk.App()
    ResearchStack(app)
    app.synth()
