"""What a training step can say, all at once and against the service model, and what it cannot."""

import dataclasses
import json

import pytest

from constructs_lib.training import (
    Collection,
    Debugger,
    DirectCheckpoint,
    EcrImage,
    EvaluationRule,
    MlflowTracking,
    Profiler,
    SyncedCheckpoint,
    TensorBoardOutput,
    TrainingResources,
)
from constructs_lib.training.channels import StreamChannel
from constructs_lib.values import InvalidValue
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Watching
from ml_contract.workloads import BytesLm

from .conftest import World, grants, refused, request_of, warnings

APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-1"
SERVER = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/server"
RUN = TrainingRun(workload=BytesLm(), optimizer=AdamW(learning_rate=0.1), global_batch_size=8, steps=10)


def watched(**fields: object) -> TrainingRun:
    return dataclasses.replace(RUN, watching=Watching(**fields))


def actions_on(world: World, step: object, prefix: str) -> set[str]:
    found: set[str] = set()
    for row in grants(world, step):
        found |= {row["Action"]} if isinstance(row["Action"], str) else set(row["Action"])
    return {action for action in found if action.startswith(prefix)}


def test_everything_at_once_is_a_request_that_sagemaker_takes(world: World) -> None:
    request = request_of(
        world,
        world.train(
            hyperparameters=watched(tensorboard=True, mlflow_uri=APP, mlflow_experiment="runs"),
            checkpoint=SyncedCheckpoint(location=world.results),
            retry_attempts=30,
            encrypt_traffic=True,
            health_check=True,
            remote_debugging=True,
            session_tags=True,
            tensorboard=TensorBoardOutput(location=world.results),
            mlflow=MlflowTracking(arn=APP, experiment="runs", run_name="first"),
            debugger=Debugger(
                location=world.results,
                hook_parameters={"save_interval": "100"},
                collections=(Collection(name="gradients", parameters={"save_interval": "500"}),),
                rules=(
                    EvaluationRule(name="Vanishing", builtin="VanishingGradient", parameters={"threshold": "1e-7"}),
                ),
            ),
            profiler=Profiler(location=world.results, rules=(EvaluationRule(name="Report", builtin="ProfilerReport"),)),
        ),
    )
    assert request["RetryStrategy"] == {"MaximumRetryAttempts": 30}
    assert request["EnableInterContainerTrafficEncryption"] is True
    assert request["InfraCheckConfig"] == {"EnableInfraCheck": True}
    assert request["RemoteDebugConfig"] == {"EnableRemoteDebug": True}
    assert request["SessionChainingConfig"] == {"EnableSessionTagChaining": True}
    assert request["TensorBoardOutputConfig"]["LocalPath"] == "/opt/ml/output/tensorboard"
    assert request["MlflowConfig"] == {
        "MlflowResourceArn": APP, "MlflowExperimentName": "runs", "MlflowRunName": "first",
    }  # fmt: skip
    (rule,) = request["DebugRuleConfigurations"]
    assert rule["RuleEvaluatorImage"].startswith("929884845733.dkr.ecr.eu-west-1.")
    assert rule["RuleParameters"] == {"rule_to_invoke": "VanishingGradient", "threshold": "1e-7"}
    assert request["ProfilerConfig"]["ProfilingIntervalInMilliseconds"] == 500


def test_what_is_not_asked_for_is_not_in_the_request(world: World) -> None:
    assert set(request_of(world, world.train())) == {
        "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "VpcConfig",
        "HyperParameters", "Environment", "EnableNetworkIsolation", "EnableManagedSpotTraining", "StoppingCondition",
    }  # fmt: skip


def test_a_remote_shell_needs_a_role_that_opens_channels(world: World) -> None:
    assert actions_on(world, world.train(remote_debugging=True), "ssmmessages:") == {
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    }  # fmt: skip
    assert any("Add REMOTE_DEBUGGING to its purposes" in text
               for text in warnings(world, world.train(remote_debugging=True)))  # fmt: skip


@pytest.mark.parametrize(
    ("arn", "actions"),
    [(APP, {"sagemaker:CallMlflowAppApi", "sagemaker:DescribeMlflowApp"}), (SERVER, {"sagemaker-mlflow:*"})],
)
def test_a_role_logs_to_its_own_mlflow(world: World, arn: str, actions: set[str]) -> None:
    step = world.train(mlflow=MlflowTracking(arn=arn, experiment="e"))
    rows = [row for row in grants(world, step) if row["Resource"] == arn]
    assert [set([row["Action"]] if isinstance(row["Action"], str) else row["Action"]) for row in rows] == [actions]
    assert any("interface endpoint aws.sagemaker.eu-west-1.experiments" in text for text in warnings(world, step))


def test_session_tags_need_a_role_that_trusts_them(world: World) -> None:
    def trusted(step: object) -> str:
        return json.dumps(world.stack.resolve(world.pipeline(step).jobs.assume_role_policy.to_json()))

    assert "sts:TagSession" in trusted(world.train(session_tags=True))
    assert "sts:TagSession" not in trusted(world.train())


def test_debugger_and_profiler_are_warned_about_with_their_end(world: World) -> None:
    step = world.train(debugger=Debugger(location=world.results), profiler=Profiler(location=world.results))
    found = warnings(world, step)
    assert any("SageMaker Debugger is closed to new customers since 2026-07-30. Leave it out" in text for text in found)
    assert any("SageMaker Profiler ends on 2027-06-30. Leave it out" in text for text in found)
    assert not warnings(world, world.train())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"builtin": "LossNotDecreasing", "image": EcrImage(repository="rules", tag="1")},
        {"builtin": "LossNotDecreasing", "instance_type": "ml.m5.large"},
        {"image": EcrImage(repository="rules", tag="1")},
        {"image": EcrImage(repository="rules", tag="1"), "instance_type": "ml.m5.lrge", "volume_gib": 5},
    ],
)
def test_a_rule_is_aws_own_or_has_an_image_and_a_host(fields: dict) -> None:
    with pytest.raises(InvalidValue, match=r"^EvaluationRule\.(builtin|instance_type)"):
        EvaluationRule(name="r", **fields)


def test_a_rule_of_your_own_is_pulled(world: World) -> None:
    image = EcrImage(repository="rules", tag="1", account="210987654321")
    rule = EvaluationRule(name="r", image=image, instance_type="ml.m5.large", volume_gib=5)
    step = world.train(debugger=Debugger(location=world.results, rules=(rule,)))
    (found,) = request_of(world, step)["DebugRuleConfigurations"]
    assert found["RuleEvaluatorImage"] == "210987654321.dkr.ecr.eu-west-1.amazonaws.com/rules:1"
    assert (found["InstanceType"], found["VolumeSizeInGB"]) == ("ml.m5.large", 5)
    assert "210987654321:repository/rules" in json.dumps(grants(world, step))


@pytest.mark.parametrize("attempts", [0, 31])
def test_a_job_is_tried_again_one_to_thirty_times(world: World, attempts: int) -> None:
    with refused(r"^TrainingStep.retry_attempts"):
        world.train(retry_attempts=attempts)


def test_efa_is_not_encrypted(world: World) -> None:
    resources = TrainingResources(instance_type="ml.p4d.24xlarge", instance_count=2, volume_gib=10, efa=True)
    with refused(r"^TrainingStep.encrypt_traffic: got True, but traffic by Elastic Fabric Adapter is not encrypted"):
        world.train(encrypt_traffic=True, resources=resources)


ISOLATED = {
    "direct checkpoints": (lambda world: {"checkpoint": DirectCheckpoint(location=world.data), "hyperparameters": RUN},
                           "write checkpoints to S3 themselves", "Take SyncedCheckpoint"),
    "a stream": (lambda world: {"channels": (StreamChannel(source=world.data),), "hyperparameters": RUN},
                 "read S3 themselves", "Take Channel"),
    "mlflow": (lambda _: {"mlflow": MlflowTracking(arn=APP, experiment="e")}, "reach MLflow", "TensorBoardOutput"),
    "an mlflow of your own": (lambda _: {"hyperparameters": watched(mlflow_uri="http://mlflow")}, "reach MLflow",
                              "TensorBoardOutput"),
    "a remote shell": (lambda _: {"remote_debugging": True}, "reach Systems Manager", "Leave it out"),
    "wandb": (lambda _: {"hyperparameters": watched(wandb="online")}, "reach Weights & Biases", "Take offline"),
}  # fmt: skip


@pytest.mark.parametrize("name", ISOLATED)
def test_an_isolated_container_reaches_nothing(world: World, name: str) -> None:
    fields, what, way_out = ISOLATED[name]
    given = fields(world)
    world.train(**given)
    with refused(rf"^TrainingStep.network_isolation: got True, but containers without .* cannot {what}.*{way_out}"):
        world.train(**given, network_isolation=True)


def test_an_isolated_job_with_synced_checkpoints_is_fine(world: World) -> None:
    step = world.train(network_isolation=True, checkpoint=SyncedCheckpoint(location=world.data))
    assert request_of(world, step)["EnableNetworkIsolation"] is True


@pytest.mark.parametrize(
    ("watching", "fields", "message"),
    [
        ({"tensorboard": True}, {}, r"^TrainingStep.tensorboard: got None, .*watching.tensorboard is True"),
        ({}, {"mlflow": MlflowTracking(arn=APP, experiment="trainyard")},
         r"^TrainingStep.mlflow: got '.*', but the run's watching.mlflow_uri is None"),
        ({"mlflow_uri": APP}, {}, r"^TrainingStep.mlflow: got None, but the run's watching.mlflow_uri is 'arn"),
        ({"mlflow_uri": APP}, {"mlflow": MlflowTracking(arn=APP, experiment="other")},
         r"^TrainingStep.mlflow.experiment: got 'other', .* 'trainyard'. Write it alike"),
    ],
)  # fmt: skip
def test_run_and_job_agree_on_who_watches(world: World, watching: dict, fields: dict, message: str) -> None:
    with refused(message):
        world.train(hyperparameters=watched(**watching), **fields)


def test_event_files_that_the_run_does_not_write_are_not_copied(world: World) -> None:
    with refused(r"^TrainingStep.tensorboard: got '/opt/ml/output/tensorboard', .* Give both or neither"):
        world.train(hyperparameters=RUN, tensorboard=TensorBoardOutput(location=world.results))


def test_a_tracking_server_of_your_own_needs_nothing_of_the_job(world: World) -> None:
    world.train(hyperparameters=watched(mlflow_uri="http://mlflow:5000"))


def test_a_direct_checkpoint_fills_the_runs_own_field(world: World) -> None:
    step = world.train(hyperparameters=RUN, checkpoint=DirectCheckpoint(location=world.data))
    assert request_of(world, step)["HyperParameters"]["checkpoint_uri"].endswith("/in")
