"""Requests of optimisation jobs, held against the service model; what does not go together is refused."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from synthesis import resolved

from constructs_lib.serving.models.data import Uncompressed
from constructs_lib.serving.optimization import (
    Awq,
    Eagle,
    Fp8,
    Neuron,
    Optimization,
    OptimizationJob,
    Sharding,
    SmoothQuant,
    Technique,
    TensorRtLlm,
)
from constructs_lib.serving.optimization.hardware import GPU_TYPES, NEURON_CORES
from constructs_lib.training import DeepLearningImage, EcrImage
from ml_contract.images import PYTORCH_TRAINING
from trainyard.local.api.shapes import violations

SHAPE = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateOptimizationJob").input_shape
TENSORRT = TensorRtLlm(max_input_tokens=2048, max_output_tokens=512, max_batch=16, tensor_parallel_degree=4)
NEURON = Neuron(positions=4096, max_batch=4, tensor_parallel_degree=24)
IMAGE = EcrImage(repository="lmi", tag="1", account="123456789012", region="eu-west-1")


def optimization(place: Any, **fields: Any) -> Optimization:
    given = {"name": "llama", "source": place.at("weights/llama"), "instance_type": "ml.g5.12xlarge",
             "techniques": (Awq(),), "max_run_seconds": 7200}  # fmt: skip
    return Optimization(**{**given, **fields})


JOBS: dict[str, dict[str, Any]] = {
    "Awq": {},
    "Fp8": {"techniques": (Fp8(tensor_parallel_degree=8, image=IMAGE),), "instance_type": "ml.p5.48xlarge"},
    "SmoothQuant": {"techniques": (SmoothQuant(), TENSORRT)},
    "Compiled": {"techniques": (TENSORRT,), "accept_eula": True, "environment": {"HF_HUB_OFFLINE": "1"}},
    "Neuron": {"techniques": (NEURON,), "instance_type": "ml.inf2.48xlarge"},
    "Eagle": {"techniques": (Eagle(), Fp8()), "instance_type": "ml.p5.48xlarge"},
    "Sharded": {"techniques": (Sharding(tensor_parallel_degree=4),)},
}


@pytest.fixture(scope="module")
def template(place: Any) -> dict[str, Any]:
    from aws_cdk.assertions import Template

    for name, fields in JOBS.items():
        if name == "Eagle":
            fields = {**fields, "techniques": (Eagle(training_data=place.at("chats")), Fp8())}
        OptimizationJob(place.stack, name, optimization=optimization(place, **fields), output=place.at("optimized"),
                        network=place.network, key=place.key, log_days=30)  # fmt: skip
    return Template.from_stack(place.stack).to_json()["Resources"]


def request(template: dict[str, Any], name: str) -> dict[str, Any]:
    kind = "AWS::StepFunctions::StateMachine"
    (machine,) = (e for key, e in template.items() if key.startswith(f"{name}Machine") and e["Type"] == kind)
    return json.loads(resolved(machine["Properties"]["DefinitionString"]))["States"]["Create"]["Arguments"]


@pytest.mark.parametrize("name", JOBS)
def test_the_request_has_the_shape_of_the_api(template: dict[str, Any], name: str) -> None:
    assert violations(SHAPE, request(template, name)) == []


@pytest.mark.parametrize(
    ("name", "configs"),
    [
        ("Awq", [{"ModelQuantizationConfig": {"OverrideEnvironment": {"OPTION_QUANTIZE": "awq"}}}]),
        ("SmoothQuant", [
            {"ModelQuantizationConfig": {"OverrideEnvironment": {"OPTION_QUANTIZE": "smoothquant"}}},
            {"ModelCompilationConfig": {"OverrideEnvironment": {
                "OPTION_TENSOR_PARALLEL_DEGREE": "4", "OPTION_MAX_INPUT_LEN": "2048", "OPTION_MAX_OUTPUT_LEN": "512",
                "OPTION_MAX_ROLLING_BATCH_SIZE": "16"}}}]),
        ("Sharded", [{"ModelShardingConfig": {"OverrideEnvironment": {"OPTION_TENSOR_PARALLEL_DEGREE": "4"}}}]),
        ("Eagle", [
            {"ModelSpeculativeDecodingConfig": {"Technique": "EAGLE", "TrainingDataSource": {
                "S3Uri": "s3://example-bucket/chats/", "S3DataType": "S3Prefix"}}},
            {"ModelQuantizationConfig": {"OverrideEnvironment": {"OPTION_QUANTIZE": "fp8"}}}]),
    ],
)  # fmt: skip
def test_each_technique_is_told_in_its_own_words(
    template: dict[str, Any], name: str, configs: list[dict[str, Any]]
) -> None:
    assert request(template, name)["OptimizationConfigs"] == configs


def test_an_image_of_your_own_is_named_and_may_be_pulled(template: dict[str, Any]) -> None:
    (config,) = request(template, "Fp8")["OptimizationConfigs"]
    assert config["ModelQuantizationConfig"]["Image"].endswith("/lmi:1")
    assert "repository/lmi" in json.dumps(template[next(n for n in template if n.startswith("Fp8RoleDefaultPolicy"))])


def test_a_licence_is_accepted_in_words(template: dict[str, Any]) -> None:
    assert request(template, "Compiled")["ModelSource"]["S3"]["ModelAccessConfig"] == {"AcceptEula": True}
    assert "ModelAccessConfig" not in request(template, "Awq")["ModelSource"]["S3"]


def test_the_caller_may_run_this_job_alone_and_pass_its_role(template: dict[str, Any]) -> None:
    name = next(name for name in template if name.startswith("AwqMachineRoleDefaultPolicy"))
    found = {str(entry["Action"]): entry for entry in template[name]["Properties"]["PolicyDocument"]["Statement"]}
    (jobs,) = (entry for action, entry in found.items() if "CreateOptimizationJob" in action)
    assert "optimization-job/llama-" in json.dumps(jobs["Resource"])
    assert "*" not in json.dumps(jobs["Resource"])
    assert found["iam:PassRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_the_result_is_what_a_model_takes(place: Any) -> None:
    wanted = optimization(place, name="other")
    job = OptimizationJob(cdk.Stack(cdk.App(), "T"), "Job", optimization=wanted, output=place.at("optimized"),
                          network=place.network, key=place.key, log_days=30)  # fmt: skip
    assert job.start_command.startswith("aws stepfunctions start-execution --state-machine-arn ")
    data = Uncompressed(location=job.result)
    assert data.uri.endswith(f"/optimized/{wanted.job_name}/")


@pytest.mark.parametrize(
    "change",
    [{"techniques": (Fp8(),)}, {"techniques": (Awq(tensor_parallel_degree=2),)}, {"instance_type": "ml.g6.12xlarge"},
     {"revision": "2"}, {"environment": {"A": "b"}}, {"techniques": (Awq(image=IMAGE),)}],
)  # fmt: skip
def test_another_job_has_another_name(place: Any, change: dict[str, Any]) -> None:
    assert optimization(place, **change).job_name != optimization(place).job_name


def test_the_same_job_has_the_same_name_in_every_process(place: Any) -> None:
    assert (
        optimization(place).job_name == optimization(type(place)(), max_run_seconds=9999).job_name == "llama-b05c13334c"
    )


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"instance_type": "ml.m5.large"}, "optimisation jobs know no such type"),
        ({"techniques": (Awq(), Fp8())}, "got 'quantization', but a job has at most one of each family"),
        ({"techniques": (SmoothQuant(),)}, "Add TensorRtLlm"),
        ({"techniques": (Awq(),), "instance_type": "ml.inf2.48xlarge"}, "no engine on ml.inf2.48xlarge"),
        ({"techniques": (NEURON,)}, "no engine on ml.g5.12xlarge"),
        ({"techniques": (Eagle(), TENSORRT)}, "got 'Eagle . TensorRtLlm', but no engine"),
        ({"techniques": (Sharding(tensor_parallel_degree=4), TENSORRT)}, "no engine"),
        ({"techniques": (Sharding(tensor_parallel_degree=8),)}, "ml.g5.12xlarge has 4 accelerators"),
        ({"techniques": (NEURON,), "instance_type": "ml.inf2.24xlarge"}, "ml.inf2.24xlarge has 12"),
        ({"techniques": ()}, "at least 1 items"),
        ({"max_run_seconds": 60}, "at least 3600"),
        ({"name": "Llama"}, "it must match"),
        ({"environment": {str(number): "x" for number in range(26)}}, "at most 25"),
    ],
)
def test_what_does_not_go_together_is_refused(place: Any, fields: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        optimization(place, **fields)


def test_the_types_are_those_of_the_api() -> None:
    assert set(SHAPE.members["DeploymentInstanceType"].enum) == GPU_TYPES | set(NEURON_CORES)


def test_an_image_of_aws_is_taken_too() -> None:
    technique: Technique = Awq(image=DeepLearningImage(image=PYTORCH_TRAINING))
    stack = cdk.Stack(cdk.App(), "T", env=cdk.Environment(region="eu-west-1"))
    config = technique.render(lambda place: place.prefix, lambda image: image.uri(stack))
    assert "dkr.ecr.eu-west-1" in config["ModelQuantizationConfig"]["Image"]
