"""A pipeline of typed steps: what is refused, what is granted, what is written."""

import json
from datetime import date

import pytest
from synthesis import resolved

from ml_contract.errors import ContractError
from ml_contract.images import Image
from ml_contract.metrics import LOSS

from .conftest import World, refused


def test_spot_without_a_checkpoint_is_refused(world: World) -> None:
    from constructs_lib.training import SpotCapacity

    with refused(r"^TrainingStep.checkpoint: got None, but a job on spot .* Give the step a checkpoint"):
        world.train(capacity=SpotCapacity(max_run_seconds=60, max_wait_seconds=60))


def test_a_misspelled_hyperparameter_names_the_fields(world: World) -> None:
    from constructs_lib.training import EXECUTION_ID

    with refused(r"^TrainingStep.overrides.rte: got 'rte', but Knobs has no such field. Its fields are rate, state"):
        world.train(overrides={"rte": EXECUTION_ID})


def test_a_checkpoint_names_a_hyperparameter_that_exists(world: World) -> None:
    from constructs_lib.training import DirectCheckpoint

    with refused(r"overrides.checkpoint: .*Knobs has no such field"):
        world.train(checkpoint=DirectCheckpoint(location=world.data, hyperparameter="checkpoint"))


def test_hyperparameters_are_a_dataclass(world: World) -> None:
    with refused(r"^TrainingStep.hyperparameters: got \{'rate': 1\}, but it must be a dataclass"):
        world.train(hyperparameters={"rate": 1})


def test_the_code_channel_is_taken(world: World) -> None:
    from constructs_lib.training.steps import Channel

    with refused(r"^TrainingStep.channels: got \['code'\], but names differ, and 'code' is the program's own"):
        world.train(channels=(Channel(name="code", source=world.data),))


def test_more_metrics_than_sagemaker_reads_are_refused(world: World) -> None:
    with refused(r"^TrainingStep.metrics: got .* but it must hold at most 40 items"):
        world.train(metrics=(LOSS,) * 41)


def test_a_long_variable_is_refused(world: World) -> None:
    with refused(r"^TrainingStep.environment.LONG: got 'x+…', but a variable holds at most 512 characters"):
        world.train(environment={"LONG": "x" * 513})


def test_a_property_file_lies_in_an_output(world: World) -> None:
    from constructs_lib.training.steps import PropertyFile

    with refused(r"^ProcessingStep.property_files.F.output: got 'repot', .* Its outputs are report"):
        world.process(property_files=(PropertyFile(name="F", output="repot", path="f.json"),))


def test_an_output_that_does_not_exist_is_refused(world: World) -> None:
    with refused(r"^output: got 'repot', but the step Process has no output of that name. Its outputs are report"):
        world.process().output("repot")


def test_a_figure_needs_its_property_file(world: World) -> None:
    with refused(r"^property_file: got 'F', but the step Process declares no such file"):
        world.process().figure("F", "x")


def test_a_name_is_used_once(world: World) -> None:
    with refused(r"^steps: got 'Process', but names differ inside a pipeline"):
        world.pipeline(world.process(), world.process())


def test_depends_on_names_a_step(world: World) -> None:
    with refused(r"^steps.Train.depends_on: got 'Prepare', but the pipeline has no other step of that name"):
        world.pipeline(world.train(depends_on=("Prepare",)))


def test_a_reference_to_a_step_that_is_not_there_is_refused(world: World) -> None:
    from constructs_lib.training.steps import Channel

    channel = Channel(name="train", source=world.process().output("report"))
    with refused(r"^definition.Steps.Process.*: got 'Process', but the pipeline has no such entry under Steps"):
        world.pipeline(world.train(channels=(channel,)))


def test_a_reference_to_a_parameter_that_is_not_declared_is_refused(world: World) -> None:
    from constructs_lib.training import Parameter

    rate = Parameter(name="Rate", type="Float", default=0.1)
    with refused(r"^definition.Parameters.Rate: got 'Rate', but the pipeline has no such entry .* It has none"):
        world.pipeline(world.train(overrides={"rate": rate.as_text()}))


@pytest.mark.parametrize("name", ["two--hyphens-", "under_score", "a" * 257, ""])
def test_a_pipelines_name(world: World, name: str) -> None:
    with refused(r"^name: got '.*', but a pipeline's name has at most 256"):
        world.pipeline(world.process(), name=name)


def test_a_channel_of_a_step_reads_and_waits_for_it(world: World) -> None:
    from constructs_lib.training.steps import Channel

    prepare = world.process()
    channel = Channel(name="train", source=prepare.output("report").below("part"))
    built = world.pipeline(prepare, world.train(channels=(channel,)))
    body = world.stack.resolve(built.resource.pipeline_definition)["PipelineDefinitionBody"]
    train = json.loads(resolved(body))["Steps"][1]
    assert train["Arguments"]["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3Uri"] == {
        "Std:Join": {
            "On": "/",
            "Values": [{"Get": "Steps.Process.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"}, "part"],
        }
    }


def test_a_synced_checkpoint_is_in_the_request_and_a_direct_one_in_the_hyperparameters(world: World) -> None:
    from constructs_lib.training import DirectCheckpoint, SyncedCheckpoint
    from constructs_lib.training.steps import Binding

    pipeline = world.pipeline(world.process())
    binding = Binding(
        scope=world.stack,
        role=pipeline.jobs,
        pipeline_role=pipeline.role,
        network=world.network,
        key=world.storage.key,
    )
    synced = world.train(checkpoint=SyncedCheckpoint(location=world.data)).bind(binding)["Arguments"]
    direct = world.train(checkpoint=DirectCheckpoint(location=world.data, hyperparameter="state")).bind(binding)
    assert synced["CheckpointConfig"] == {"S3Uri": world.data.uri, "LocalPath": "/opt/ml/checkpoints"}
    assert "state" not in synced["HyperParameters"]
    assert "CheckpointConfig" not in direct["Arguments"]
    assert direct["Arguments"]["HyperParameters"]["state"] == world.data.uri


def warnings(image: Image) -> list[str]:
    import aws_cdk as cdk
    from aws_cdk.assertions import Annotations, Match

    from constructs_lib.training import DeepLearningImage

    app = cdk.App()
    stack = cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    DeepLearningImage(image=image).uri(stack)
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("support ended"))
    return [entry.entry.data for entry in found]


def test_an_image_out_of_support_is_a_warning_and_no_error() -> None:
    old = Image(repository="pytorch-training", tag="1.0", end_of_support=date(2020, 1, 31))
    (warning,) = warnings(old)
    assert warning.startswith(
        "image: got pytorch-training:1.0, but its support ended on 2020-01-31. Choose a newer row of"
    )


def test_an_image_in_support_is_not_warned_about() -> None:
    assert warnings(Image(repository="pytorch-training", tag="9.0", end_of_support=date(9999, 1, 1))) == []


def test_a_network_whose_zones_cdk_would_look_up_is_refused() -> None:
    import aws_cdk as cdk

    from constructs_lib.network import Network, NetworkSettings

    stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    settings = NetworkSettings(cidr="10.0.0.0/24", availability_zones=("eu-west-1a",), nodes=2, efa=False, log_days=1)
    with pytest.raises(ContractError, match=r"^availability_zones: .*Call know_availability_zones on the stage"):
        Network(stack, "N", settings=settings, removal=cdk.RemovalPolicy.DESTROY)
