"""What models become, as the template has them."""

from typing import Any

import pytest
import serving_scenes as scenes
from synthesis import actions

pytestmark = pytest.mark.slow


def containers(scene: str) -> list[dict[str, Any]]:
    return scenes.part(scene, "AWS::SageMaker::Model")["Containers"]


def object_rights(scene: str) -> set[str]:
    statements = scenes.policy(f"{scene}EndpointRole")
    return {action for s in statements for action in actions(s) if action.startswith("s3:") and "Object" in action}


def uri(value: dict[str, Any]) -> str:
    """An address in S3 without its bucket."""
    return value["Fn::Join"][1][-1]


def test_triton_is_told_its_model_and_how_to_start() -> None:
    (container,) = containers("Triton")
    assert container["Environment"] == {
        "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "words",
        "SAGEMAKER_TRITON_LOG_VERBOSE": "false",
        "SAGEMAKER_TRITON_LOG_INFO": "true",
        "SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": "67108864",
        "SAGEMAKER_TRITON_SHM_GROWTH_BYTE_SIZE": "1048576",
        "SAGEMAKER_TRITON_THREAD_COUNT": "4",
        "SAGEMAKER_TRITON_ALLOW_METRICS": "true",
    }
    assert uri(container["ModelDataUrl"]) == "/models/model/model.tar.gz"


def test_many_models_are_a_prefix_and_no_default() -> None:
    (container,) = containers("Many")
    assert (container["Mode"], uri(container["ModelDataUrl"])) == ("MultiModel", "/many/")
    assert container["MultiModelConfig"] == {"ModelCacheSetting": "Enabled"}
    assert "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME" not in container["Environment"]


def test_large_weights_are_taken_as_they_are() -> None:
    (container,) = containers("Llama")
    source = container["ModelDataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None")
    assert uri(source["S3Uri"]) == "/models/llama/"
    assert "ModelDataUrl" not in container


def test_vllm_is_told_its_options_in_variables() -> None:
    (container,) = containers("Llama")
    assert container["Environment"] == {
        "OPTION_ENABLE_PREFIX_CACHING": "true",
        "OPTION_MAX_MODEL_LEN": "8192",
        "OPTION_MAX_ROLLING_BATCH_SIZE": "64",
        "OPTION_ROLLING_BATCH": "auto",
        "OPTION_SPECULATIVE_CONFIG": (
            '{"method":"ngram","num_speculative_tokens":4,"prompt_lookup_max":4,"prompt_lookup_min":2}'
        ),
        "OPTION_TENSOR_PARALLEL_DEGREE": "8",
    }


def test_a_model_from_the_hub_needs_no_right_in_s3() -> None:
    (container,) = containers("Engine")
    assert container["Environment"]["HF_MODEL_ID"] == "meta-llama/Llama-3.1-8B"
    assert container["Environment"]["OPTION_QUANTIZE"] == "fp8"
    assert object_rights("Engine") == set()


def test_containers_in_a_row_have_names_and_a_mode() -> None:
    assert [container["ContainerHostname"] for container in containers("Row")] == ["before", "after"]
    assert scenes.part("Row", "AWS::SageMaker::Model")["InferenceExecutionConfig"] == {"Mode": "Serial"}
    assert scenes.part("Apart", "AWS::SageMaker::Model")["InferenceExecutionConfig"] == {"Mode": "Direct"}


@pytest.mark.parametrize(("scene", "isolated"), [("Triton", True), ("Split", None)])
def test_isolation_is_of_the_model(scene: str, isolated: bool | None) -> None:
    (model, *_) = scenes.parts(scene, "AWS::SageMaker::Model").values()
    assert model["Properties"].get("EnableNetworkIsolation") is isolated


@pytest.mark.parametrize("scene", ["Many", "Llama", "Row", "Registered"])
def test_containers_read_their_models_and_write_nothing(scene: str) -> None:
    assert object_rights(scene) == {"s3:GetObject"}


def test_who_uploads_models_of_one_team_reaches_its_folder_and_reads_nothing() -> None:
    statements = scenes.policy("Uploader")
    (writing,) = (s for s in statements if "s3:PutObject" in actions(s))
    assert uri(writing["Resource"]) == "/many/team-a/*"
    assert not {"s3:GetObject", "s3:DeleteObject"} & {action for s in statements for action in actions(s)}
