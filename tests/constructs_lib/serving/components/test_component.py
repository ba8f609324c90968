"""Inference components, as the template has them."""

from typing import Any

import pytest
import serving_scenes as scenes

pytestmark = pytest.mark.slow


def components(scene: str) -> dict[str, dict[str, Any]]:
    found = scenes.parts(scene, "AWS::SageMaker::InferenceComponent").values()
    return {entry["Properties"]["InferenceComponentName"]: entry for entry in found}


def test_a_host_names_no_model_and_may_have_no_instance() -> None:
    config = scenes.part("Parts", "AWS::SageMaker::EndpointConfig")
    (variant,) = config["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    # What a model would say of the containers, the configuration says in its place.
    assert {"ExecutionRoleArn", "VpcConfig"} <= set(config)


def test_a_component_takes_a_share_of_the_instance() -> None:
    specification = components("Parts")["words"]["Properties"]["Specification"]
    assert specification["ComputeResourceRequirements"] == {
        "NumberOfAcceleratorDevicesRequired": 1,
        "MinMemoryRequiredInMb": 4096,
        "MaxMemoryRequiredInMb": 8192,
    }
    assert specification["StartupParameters"]["ContainerStartupHealthCheckTimeoutInSeconds"] == 600
    assert specification["SchedulingConfig"]["PlacementStrategy"] == "BINPACK"


def test_a_component_is_replaced_in_batches() -> None:
    deployment = components("Parts")["words"]["Properties"]["DeploymentConfig"]
    assert deployment["RollingUpdatePolicy"]["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 50}
    assert len(deployment["AutoRollbackConfiguration"]["Alarms"]) == 1


def test_copies_scale_to_zero() -> None:
    (target,) = scenes.parts("Parts", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert (target["Properties"]["ResourceId"], target["Properties"]["MinCapacity"]) == ("inference-component/words", 0)


def test_an_adapter_comes_after_its_base_and_takes_nothing_of_its_own() -> None:
    found = components("Parts")["legal"]
    specification = found["Properties"]["Specification"]
    assert specification["BaseInferenceComponentName"] == "llama"
    assert set(specification) == {"BaseInferenceComponentName", "Container"}
    assert any(name.startswith("PartsEndpointlivellamaComponent") for name in found["DependsOn"])


def test_types_that_stand_in_for_another_each_have_a_specification() -> None:
    properties = components("Pools")["spare"]["Properties"]
    assert "Specification" not in properties
    assert [entry["InstanceType"] for entry in properties["Specifications"]] == [
        "ml.g5.xlarge", "ml.g6.xlarge", "ml.g6e.xlarge",
    ]  # fmt: skip
    assert properties["Specifications"][2]["ComputeResourceRequirements"] == {
        "NumberOfCpuCoresRequired": 4,
        "NumberOfAcceleratorDevicesRequired": 1,
        "MinMemoryRequiredInMb": 8192,
    }


def test_pools_stand_in_place_of_the_type() -> None:
    (variant,) = scenes.part("Pools", "AWS::SageMaker::EndpointConfig")["ProductionVariants"]
    assert "InstanceType" not in variant
    assert [pool["Priority"] for pool in variant["InstancePools"]] == [1, 2, 3]


def test_components_are_hosted_and_adapters_are_not() -> None:
    found = scenes.world().endpoints["parts"].hosted
    assert [(one.kind, one.component, one.instance_count) for one in found] == [
        ("component", "words", 2),
        ("component", "llama", 1),
    ]
