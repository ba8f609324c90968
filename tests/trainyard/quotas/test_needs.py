"""What stacks need of quotas."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from trainyard.cost.templates import Resource, Template
from trainyard.quotas import codes
from trainyard.quotas.needs import needs


def template(**found: tuple[str, Mapping[str, Any]]) -> Template:
    made = {name: Resource(logical_id=name, type=kind, properties=given) for name, (kind, given) in found.items()}
    return Template(id="Dev/It", environment="dev", region="us-east-1", resources=made, absent={})


def pipeline(*steps: dict) -> tuple[str, dict]:
    body = json.dumps({"Parameters": [{"Name": "Type", "DefaultValue": "ml.g5.2xlarge"}], "Steps": steps})
    return "AWS::SageMaker::Pipeline", {"PipelineDefinition": {"PipelineDefinitionBody": body}}


def training(count: int, kind: Any = "ml.g5.2xlarge", **more: Any) -> dict:
    resources = {"InstanceType": kind, "InstanceCount": count, **more.pop("resources", {})}
    return {"Name": f"Train{count}", "Type": "Training", "Arguments": {"ResourceConfig": resources, **more}}


def endpoint(count: int = 2, **more: Any) -> dict[str, tuple[str, dict]]:
    variant = {"VariantName": "all", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": count}
    return {
        "Config": ("AWS::SageMaker::EndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant]}),
        "Endpoint": ("AWS::SageMaker::Endpoint", {"EndpointConfigName": "c", **more}),
    }


def quotas(**found: tuple[str, Mapping[str, Any]]) -> dict[str, int]:
    return dict(needs([template(**found)]).quotas)


def test_steps_of_one_pipeline_share_and_pipelines_do_not() -> None:
    found = quotas(A=pipeline(training(2), training(4)), B=pipeline(training(1)))
    assert found == {"ml.g5.2xlarge for training job usage": 5, codes.TRAINING: 5}


def test_spot_has_quotas_of_its_own() -> None:
    found = quotas(A=pipeline(training(2, EnableManagedSpotTraining=True)))
    assert found == {"ml.g5.2xlarge for spot training job usage": 2, codes.SPOT: 2}


def test_what_a_training_plan_reserves_is_no_use_on_demand() -> None:
    found = quotas(A=pipeline(training(2, resources={"TrainingPlanArn": "arn"})))
    assert found == {codes.of_plan("ml.g5.2xlarge"): 2}


def test_a_warm_pool_has_a_quota_beside_the_job_s() -> None:
    found = quotas(A=pipeline(training(2, resources={"KeepAlivePeriodInSeconds": 600})))
    assert found["ml.g5.2xlarge for training warm pool usage"] == 2


def test_a_parameter_stands_for_its_default_and_branches_count() -> None:
    step = {"Name": "If", "Type": "Condition",
            "Arguments": {"IfSteps": [training(3, {"Get": "Parameters.Type"})]}}  # fmt: skip
    assert quotas(A=pipeline(step))["ml.g5.2xlarge for training job usage"] == 3


@pytest.mark.parametrize(
    ("deployment", "count"),
    [
        (None, 8),
        ({"BlueGreenUpdatePolicy": {}}, 8),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 30}}}, 6),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}}, 5),
    ],
)
def test_an_update_needs_a_second_fleet_or_a_batch(deployment: dict | None, count: int) -> None:
    more = {} if deployment is None else {"DeploymentConfig": deployment}
    assert quotas(**endpoint(4, **more))["ml.g5.xlarge for endpoint usage"] == count


def test_nodes_of_clusters_count_by_where_they_come_from() -> None:
    groups = [
        {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 16},
        {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 2, "CapacityRequirements": {"Spot": {}}},
    ]
    found = quotas(C=("AWS::SageMaker::Cluster", {"InstanceGroups": groups}))
    assert found["ml.p5.48xlarge for cluster usage"] == 16
    assert (found[codes.CLUSTERS], found[codes.SPOT_CLUSTERS]) == (18, 2)


def test_what_the_template_does_not_tell_is_said() -> None:
    found = needs([template(E=("AWS::SageMaker::Endpoint", {"EndpointConfigName": "elsewhere"}))])
    assert found.quotas == {}
    assert "its configuration (elsewhere) is not in this template" in found.untold[0]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        # As other accounts list them: ml.p5 in a public audit of 2026, the sums in a public review of 2026-09-18.
        ("ml.p5.48xlarge for cluster usage", "L-8762A75F"),
        ("ml.p4d.24xlarge for endpoint usage", "L-09F79647"),
        ("ml.g4dn.xlarge for training job usage", "L-3F53BF0F"),
        (codes.TRAINING, "L-00C91CB5"),
        (codes.PROCESSING, "L-F311B08F"),
        (codes.ENDPOINTS, "L-7A3DF611"),
    ],
)
def test_the_table_agrees_with_other_accounts(name: str, code: str) -> None:
    assert codes.codes()[name] == code


def test_every_name_that_is_asked_for_is_in_the_table() -> None:
    names = (codes.TRAINING, codes.SPOT, codes.PROCESSING, codes.ENDPOINTS, codes.CLUSTERS, codes.SPOT_CLUSTERS,
             codes.SERVERLESS, codes.of_plan("ml.p5.48xlarge"))  # fmt: skip
    assert [name for name in names if name not in codes.codes()] == []
