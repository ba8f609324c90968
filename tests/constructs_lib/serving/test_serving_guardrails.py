"""What cdk-nag finds in what changes and watches endpoints: only what cannot be narrower."""

from __future__ import annotations

import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns
from cdk_nag import AwsSolutionsChecks

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.monitoring import Daily, DataQuality, MonitorResources, Monitors
from constructs_lib.serving.optimization import Awq, Optimization, OptimizationJob
from constructs_lib.serving.registry import DeploymentSettings, RegistryDeployment
from constructs_lib.serving.rollout import Canary, Percent, RollbackAlarms, ServerErrorRate
from constructs_lib.serving.scaling import InvocationsPerInstance, Scaling

pytestmark = pytest.mark.slow
ACCEPTED = (
    # Network interfaces of containers, tokens of registries, deliveries of logs, traces and metrics: no resource known.
    (r"IAM5\[Resource::\*\]", r"/(Monitors|Optimization)/Role/|/(Approval|Optimization)/Machine/"),
    (r"IAM5\[Resource::arn:.*:network-interface/\*\]", r"/(Monitors|Optimization)/Role/"),
    # One group for the streams of all jobs.
    (r"IAM5\[Resource::arn:.*:log-group:/aws/sagemaker/(ProcessingJobs|OptimizationJobs):\*\]",
     r"/(Monitors|Optimization)/Role/"),
    # Objects below one prefix.
    (r"IAM5\[Resource::<Storage[0-9A-F]+\.Arn>/[a-z0-9/-]+/\*\]", r"/(Monitors|Optimization)/Role/"),
    # CDK's own grant of an encrypted topic.
    (r"IAM5\[Action::kms:GenerateDataKey\*\]", r"/Approval/Machine/"),
    # Versions get their number when they are registered.
    (r"IAM5\[Resource::arn:.*:model-package/bytes-lm/\*\]", r"/Approval/Machine/"),
)  # fmt: skip


@pytest.fixture(scope="module")
def findings(place: Any) -> list[tuple[str, str]]:
    stack = place.stack
    endpoint = cdk.CfnResource(stack, "Endpoint", type="AWS::SageMaker::Endpoint")
    hosted = Hosted(kind="real-time", endpoint="shop", variant="live", instance_type="ml.g5.xlarge", instance_count=2,
                    resource=endpoint)  # fmt: skip
    shared = {"network": place.network, "key": place.key}
    Scaling(minimum=1, maximum=4, rules=(InvocationsPerInstance(per_minute=60),)).bind(stack, hosted)
    topic = sns.Topic(stack, "Topic", master_key=place.key, enforce_ssl=True)
    alarms = RollbackAlarms(watches=(ServerErrorRate(percent=1),), topic=topic)
    Canary(alarms=alarms, size=Percent(percent=10), bake_seconds=300).bind(stack, (hosted,))
    resources = MonitorResources(instance_type="ml.m5.xlarge", volume_gib=20, max_run_seconds=1800)
    monitor = DataQuality(schedule=Daily(hour=3), resources=resources, output=place.at("reports"))
    Monitors(stack, "Monitors", hosted=hosted, monitors=(monitor,), captured=place.at("captured"), **shared)
    wanted = Optimization(name="llama", source=place.at("weights"), instance_type="ml.g5.xlarge", techniques=(Awq(),),
                          max_run_seconds=7200)  # fmt: skip
    OptimizationJob(stack, "Optimization", optimization=wanted, output=place.at("optimized"), log_days=30, **shared)
    RegistryDeployment(stack, "Approval", group="bytes-lm", key=place.key, settings=DeploymentSettings(log_days=30),
                       parameter=cdk.CfnParameter(stack, "ModelPackageArn", default=""), topic=topic)  # fmt: skip
    surroundings = ("S/Key/", "S/Storage/")
    return [
        (violation.rule_name, resource.construct_path or "")
        for violation in AwsSolutionsChecks().validate_scope(stack.node.root).violations
        for resource in violation.violating_resources
        if not (resource.construct_path or "").startswith(surroundings)
    ]


def test_nothing_is_found_but_what_knows_no_narrower_resource(findings: list[tuple[str, str]]) -> None:
    left = [
        (finding, path)
        for finding, path in findings
        if not any(re.search(name, finding) and re.search(place, path) for name, place in ACCEPTED)
    ]
    assert left == []


@pytest.mark.parametrize(("finding", "path"), ACCEPTED)
def test_what_is_accepted_is_found(findings: list[tuple[str, str]], finding: str, path: str) -> None:
    assert any(re.search(finding, found) and re.search(path, place) for found, place in findings)
