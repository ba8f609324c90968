"""The endpoints that are ready to be taken, as the environments that take them have them."""

from __future__ import annotations

from typing import Any

import pytest
from synthesis import resources, template

from environments import PROD
from stacks.served import ServedWorkload, recipes


def one(stage: str, part: str, kind: str) -> dict[str, Any]:
    ((_, found),) = resources(template(stage, part), f"AWS::SageMaker::{kind}").items()
    return dict(found["Properties"])


def test_fifty_berts_share_one_gpu() -> None:
    (container,) = one("Prod", "Serving-bert-variants", "Model")["Containers"]
    assert container["Mode"] == "MultiModel"
    assert container["MultiModelConfig"] == {"ModelCacheSetting": "Enabled"}
    assert container["ModelDataUrl"]["Fn::Join"][1][-1] == "/catalogues/bert/"
    assert container["Environment"]["SAGEMAKER_TRITON_MODEL_LOAD_GPU_LIMIT"] == "0.9"
    (variant,) = one("Prod", "Serving-bert-variants", "EndpointConfig")["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.g5.2xlarge", 1)


def test_arr_coc_waits_for_images_without_an_instance() -> None:
    config = one("Prod", "Serving-arr-coc", "EndpointConfig")
    assert "AsyncInferenceConfig" in config
    assert [variant["InstanceType"] for variant in config["ProductionVariants"]] == ["ml.g5.2xlarge"]
    kind = "AWS::ApplicationAutoScaling::ScalableTarget"
    ((_, target),) = resources(template("Prod", "Serving-arr-coc"), kind).items()
    assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (0, 4)


def test_llama_is_sharded_eight_ways_and_scales_to_zero() -> None:
    (container,) = one("Prod", "Serving-llama-70b", "Model")["Containers"]
    assert container["Environment"]["OPTION_TENSOR_PARALLEL_DEGREE"] == "8"
    assert "ngram" in container["Environment"]["OPTION_SPECULATIVE_CONFIG"]
    (variant,) = one("Prod", "Serving-llama-70b", "EndpointConfig")["ProductionVariants"]
    assert variant["InstanceType"] == "ml.p4d.24xlarge"
    assert variant["ManagedInstanceScaling"]["MinInstanceCount"] == 0
    share = one("Prod", "Serving-llama-70b", "InferenceComponent")["Specification"]["ComputeResourceRequirements"]
    assert share["NumberOfAcceleratorDevicesRequired"] == 8


@pytest.mark.parametrize(("name", "memory"), [("digits", 4096), ("llama", 6144)])
def test_serverless_has_its_memory(name: str, memory: int) -> None:
    (variant,) = one("Local", f"Serving-{name}", "EndpointConfig")["ProductionVariants"]
    assert variant["ServerlessConfig"]["MemorySizeInMB"] == memory


def test_a_model_for_a_gpu_is_not_served_without_one() -> None:
    served = ServedWorkload(name="lm", workload="bytes-lm", hosting=recipes.SERVERLESS_4_GB)
    with pytest.raises(ValueError, match=r"^endpoints.lm.hosting: got 'OnDemand', but serverless capacity has no GPU"):
        served.check({"bytes-lm": PROD.training("bytes-lm")})
