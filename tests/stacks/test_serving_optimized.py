"""Optimised forms of language models: what serves before and after, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from serving_scenes import World
from synthesis import resolved, resources, template

from constructs_lib.serving.optimization import Awq, Eagle, Neuron, TensorRtLlm
from stacks.served import Optimized, Platform, ServedLanguageModel, recipes

LLAMA = recipes.LLAMA_70B


def changed(**fields: Any) -> ServedLanguageModel:
    return ServedLanguageModel(**{**dict(LLAMA), **fields})


def served_from(template: dict[str, Any]) -> str:
    ((_, model),) = resources(template, "AWS::SageMaker::Model").items()
    (container,) = model["Properties"]["Containers"]
    return json.dumps(container["ModelDataSource"]["S3DataSource"]["S3Uri"])


def request(template: dict[str, Any]) -> dict[str, Any]:
    """What the one state machine sends as CreateOptimizationJob."""
    ((_, machine),) = resources(template, "AWS::StepFunctions::StateMachine").items()
    return dict(json.loads(resolved(machine["Properties"]["DefinitionString"]))["States"]["Create"]["Arguments"])


def test_the_weights_are_served_as_they_are_until_the_environment_says_otherwise() -> None:
    assert served_from(template("Prod", "Serving-llama-70b")).endswith('/shared/llama-3-70b/"]]}')


def test_a_command_makes_four_bits_for_the_instances_that_serve_them() -> None:
    found = template("Prod", "Serving-llama-70b")
    command = json.dumps(found["Outputs"]["OptimizeCommand"]["Value"])
    assert "aws stepfunctions start-execution --state-machine-arn" in command
    sent = request(found)
    assert sent["DeploymentInstanceType"] == "ml.p4d.24xlarge"
    (config,) = sent["OptimizationConfigs"]
    assert config["ModelQuantizationConfig"]["OverrideEnvironment"] == {
        "OPTION_QUANTIZE": "awq", "OPTION_TENSOR_PARALLEL_DEGREE": "8",
    }  # fmt: skip
    assert sent["ModelSource"]["S3"]["S3Uri"].endswith("/shared/llama-3-70b/")


def test_the_result_is_served_once_the_environment_says_so() -> None:
    from aws_cdk.assertions import Template

    world = World()
    assert LLAMA.optimized is not None
    served = changed(optimized=LLAMA.optimized.model_copy(update={"served": True}))
    served.bind(
        world.stack, Platform(network=world.network, storage=world.storage, registered={}), name="trainyard-x-llama-70b"
    )
    found = Template.from_stack(world.stack).to_json()
    place = served_from(found)
    assert "/optimized/llama-70b/llama-70b-" in place
    assert f"/{request(found)['OptimizationJobName']}/" in place


def test_the_job_has_a_host_in_the_network_too() -> None:
    assert LLAMA.instances == changed(optimized=None).instances + 1


@pytest.mark.parametrize(
    ("techniques", "refusal"),
    [
        ((TensorRtLlm(max_input_tokens=1, max_output_tokens=1, max_batch=1),), "got 'TensorRtLlm', but vllm runs no"),
        (
            (Neuron(positions=1, max_batch=1),),
            r"got 'Neuron', but vllm runs no such result\. Its results are for neuron",
        ),
    ],
)
def test_a_result_that_the_engine_does_not_run_is_refused(techniques: tuple[Any, ...], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        changed(optimized=Optimized(techniques=techniques, max_run_seconds=3600, log_days=30))


def test_a_result_is_for_one_type_of_instance() -> None:
    resources = LLAMA.resources.model_copy(update={"fallbacks": ("ml.p4de.24xlarge",)})
    optimized = Optimized(techniques=(Awq(), Eagle()), max_run_seconds=3600, log_days=30)
    with pytest.raises(ValueError, match=r"got 'ml.p4de.24xlarge', but an optimised model is made for one type"):
        changed(resources=resources, optimized=optimized)
