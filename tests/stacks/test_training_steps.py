"""What an environment may choose for a pipeline, as the steps of its definition carry it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import synthesis
from hyperpod_values import changed

from constructs_lib.serving.models import Vllm
from environments import DEV, PROD
from ml_contract import recipes
from ml_contract.training.surroundings import Watching
from stacks.packaging import LmiPackaging
from stacks.workload_training import SharedInput, WorkloadTraining

MLFLOW = "arn:aws:sagemaker:us-east-1:111111111111:mlflow-app/team"
BESIDE = dict.fromkeys(("budgets", "observability", "operation", "pages", "delivery"))


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Arguments of a pipeline's steps: streamed data, TensorBoard and MLflow, an input of Train and Prepare."""
    training = DEV.training("bytes-lm")
    streamed = changed(
        training,
        run=dataclasses.replace(
            training.run, steps=None, epochs=3, watching=Watching(tensorboard=True, mlflow_uri=MLFLOW)
        ),
        data="stream",
        encrypt_traffic=True,
        inputs=(SharedInput(name="base", prefix="models/base-1.0", steps=("Prepare", "Train")),),
        packaging=LmiPackaging(engine=Vllm(tensor_parallel=1, dtype="bf16"), instance_types=("ml.g5.xlarge",)),
    )
    # Without what stands beside a pipeline: clusters and endpoints take most of an environment's synthesis.
    alone = changed(DEV, trainings=(streamed,), endpoints=(), clusters=(), file_systems=(), **BESIDE)
    folder = synthesis.synthesise([alone], tmp_path_factory.mktemp("chosen"))
    (path,) = (folder / "assembly-Dev").glob("DevTraining*.template.json")
    template = json.loads(path.read_text())
    ((_, pipeline),) = synthesis.resources(template, "AWS::SageMaker::Pipeline").items()
    body = json.loads(synthesis.resolved(pipeline["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]))
    condition = next(step for step in body["Steps"] if step["Type"] == "Condition")
    steps = [*body["Steps"], *condition["Arguments"]["IfSteps"]]
    return {"parameters": body["Parameters"], **{step["Name"]: step["Arguments"] for step in steps}}


def test_a_stream_is_a_hyperparameter_and_no_channel(chosen: dict[str, Any]) -> None:
    assert [entry["ChannelName"] for entry in chosen["Train"]["InputDataConfig"]] == ["code", "base"]
    loading = json.dumps(chosen["Train"]["HyperParameters"]["loading"])
    assert "stream_uri" in loading
    assert "Steps.Prepare.ProcessingOutputConfig.Outputs['dataset']" in loading


def test_a_shared_input_reaches_the_steps_that_it_names(chosen: dict[str, Any]) -> None:
    uri = "s3://example-bucket/shared/models/base-1.0"
    (channel,) = (entry for entry in chosen["Train"]["InputDataConfig"] if entry["ChannelName"] == "base")
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == uri
    inputs = {entry["InputName"]: entry["S3Input"]["S3Uri"] for entry in chosen["Prepare"]["ProcessingInputs"]}
    assert inputs["base"] == uri
    assert "base" not in {entry["InputName"] for entry in chosen["Evaluate"]["ProcessingInputs"]}


def test_what_the_run_watches_is_configured_with_the_job(chosen: dict[str, Any]) -> None:
    train = chosen["Train"]
    assert train["TensorBoardOutputConfig"]["LocalPath"] == "/opt/ml/output/tensorboard"
    assert train["MlflowConfig"] == {"MlflowResourceArn": MLFLOW, "MlflowExperimentName": "trainyard"}
    assert train["EnableInterContainerTrafficEncryption"] is True


def test_a_run_of_epochs_has_epochs_as_its_parameter(chosen: dict[str, Any]) -> None:
    assert [(entry["Name"], entry["DefaultValue"]) for entry in chosen["parameters"]][1] == ("Epochs", 3)
    assert chosen["Train"]["HyperParameters"]["epochs"] == {
        "Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}
    }


def test_a_language_model_is_registered_as_it_was_trained_with_its_engine(chosen: dict[str, Any]) -> None:
    assert "Package" not in chosen
    (container,) = chosen["Register"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    assert "/djl-inference:" in container["Image"]
    assert container["Environment"]["OPTION_DTYPE"] == "bf16"


def test_an_engine_is_built_in_the_image_and_on_the_type_that_serve_it() -> None:
    decide = next(step for step in synthesis.definition("Dev")["Steps"] if step["Type"] == "Condition")
    package, engine, register = decide["Arguments"]["IfSteps"]
    assert (package["Name"], engine["Name"], register["Name"]) == ("Package", "BuildEngines", "Register")
    (container,) = register["Arguments"]["InferenceSpecification"]["Containers"]
    assert engine["Arguments"]["AppSpecification"]["ImageUri"] == container["Image"]
    hosts = engine["Arguments"]["ProcessingResources"]["ClusterConfig"]
    assert [hosts["InstanceType"]] == register["Arguments"]["InferenceSpecification"][
        "SupportedRealtimeInferenceInstanceTypes"
    ]
    assert "Steps.BuildEngines." in json.dumps(container["ModelDataUrl"])


def test_production_has_the_missions_recipe() -> None:
    training = PROD.training("arr-coc")
    assert training.run is recipes.ARR_COC
    run = training.run
    assert (run.global_batch_size, run.optimizer.learning_rate, run.epochs) == (32, 3e-4, 10)
    assert (run.strategy.sharding, run.precision.compute) == ("shard_grad_op", "bfloat16")
    assert (training.resources.types, training.resources.hosts) == (("ml.p4d.24xlarge",), 1)
    train = next(step for step in synthesis.definition("Prod", "Training-arr-coc")["Steps"] if step["Name"] == "Train")
    assert train["Arguments"]["EnableManagedSpotTraining"] is True
    assert {entry["ChannelName"] for entry in train["Arguments"]["InputDataConfig"]} == {"code", "train", "pretrained"}


def test_an_input_does_not_take_the_splits_place() -> None:
    with pytest.raises(ValueError, match=r"^WorkloadTraining.inputs: got \['train', 'train'\], but channels"):
        changed(PROD.training("arr-coc"), inputs=(SharedInput(name="train", prefix="x1", steps=("Train",)),))


def test_a_run_that_does_not_fit_its_hosts_is_refused_where_it_is_written() -> None:
    training: WorkloadTraining = PROD.training("arr-coc")
    with pytest.raises(ValueError, match=r"^WorkloadTraining.run.global_batch_size: got 33, but .* \(8\). Give 32"):
        changed(training, run=dataclasses.replace(training.run, global_batch_size=33))
