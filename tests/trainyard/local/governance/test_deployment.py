"""The custom resource on the real daemon: CloudFormation calls the function, which calls SageMaker as its role."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib.encryption import let_log_service_use
from constructs_lib.governance import DriftCheck, GovernanceSettings, SchedulerPolicy, TaskGovernance, TeamQuota, Tell
from constructs_lib.governance.resources import Instances
from constructs_lib.governance.sharing import LendAndBorrow
from tests.constructs_lib.governance.test_settings import P5, group

pytestmark = pytest.mark.slow
Client = Callable[[str], Any]
CODE = Path(__file__).resolve().parents[4] / "constructs_lib/governance/functions"


def template(cluster: str, counts: dict[str, int], bucket: str) -> dict[str, Any]:
    """Governance of a cluster of eight instances, with the function's code where the test put it."""
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="123456789012", region="us-east-1"))
    key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
    let_log_service_use(key)
    sharing = LendAndBorrow(limit_percent=100)
    quotas = tuple(
        TeamQuota(team=team, resources=(Instances(instance_type=P5, count=count),), sharing=sharing)
        for team, count in counts.items()
    )
    TaskGovernance(
        stack,
        "Governance",
        cluster_arn=cluster,
        groups=[group("workers", 8)],
        settings=GovernanceSettings(
            policy=SchedulerPolicy(name="shared", fair_share="Enabled"),
            quotas=quotas,
            drift=DriftCheck(every_minutes=5, then=Tell()),
        ),
        topic=sns.Topic(stack, "Topic"),
        key=key,
        log_days=30,
    )
    found = assertions.Template.from_stack(stack).to_json()
    for name in ("Parameters", "Rules"):
        found.pop(name, None)
    for entry in found["Resources"].values():
        if entry["Type"] == "AWS::Lambda::Function":
            entry["Properties"]["Code"] = {"S3Bucket": bucket, "S3Key": "code.zip"}
    return found


class Deployment:
    """One stack, and what SageMaker has of its cluster."""

    def __init__(self, client: Client, bucket: str) -> None:
        self.client, self._bucket = client, bucket
        self.cluster = f"arn:aws:sagemaker:us-east-1:123456789012:cluster/{uuid.uuid4().hex[:12]}"
        self.name = f"governance-{uuid.uuid4().hex[:8]}"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in CODE.rglob("*.py"):
                archive.write(file, file.relative_to(CODE))
        client("s3").put_object(Bucket=bucket, Key="code.zip", Body=packed.getvalue())

    def act(self, operation: str, counts: dict[str, int] | None = None) -> str:
        """Create, update or delete the stack; returns the status in which it ends."""
        cloudformation = self.client("cloudformation")
        given = {"Capabilities": ["CAPABILITY_IAM"]}
        if counts is not None:
            given["TemplateBody"] = json.dumps(template(self.cluster, counts, self._bucket))
        getattr(cloudformation, operation)(StackName=self.name, **(given if counts is not None else {}))
        for _ in range(1200):
            try:
                status: str = cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]
            except cloudformation.exceptions.ClientError:
                return "DELETE_COMPLETE"
            if not status.endswith("IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{operation} does not end")

    def quotas(self) -> dict[str, dict[str, Any]]:
        """Quotas of the cluster by name."""
        sagemaker = self.client("sagemaker")
        rows = sagemaker.list_compute_quotas(ClusterArn=self.cluster)["ComputeQuotaSummaries"]
        return {row["Name"]: sagemaker.describe_compute_quota(ComputeQuotaId=row["ComputeQuotaId"]) for row in rows}

    def settled(self) -> None:
        """Waits until no quota is being changed."""
        for _ in range(1200):
            if not any(row["Status"].endswith("ing") for row in self.quotas().values()):
                return
            time.sleep(0.05)
        raise AssertionError(self.quotas())

    def reasons(self) -> str:
        events = self.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return " | ".join(row.get("ResourceStatusReason", "") for row in events)


@pytest.fixture
def deployment(client: Client, bucket: str) -> Iterator[Deployment]:
    made = Deployment(client, bucket)
    yield made
    made.act("delete_stack")


def test_quotas_are_made_changed_looked_at_and_removed(deployment: Deployment) -> None:
    assert deployment.act("create_stack", {"research": 4}) == "CREATE_COMPLETE", deployment.reasons()
    first = deployment.quotas()
    assert {name: row["Status"] for name, row in first.items()} == {"research": "Created"}

    assert deployment.act("update_stack", {"research": 6}) == "UPDATE_COMPLETE", deployment.reasons()
    (after,) = deployment.quotas().values()
    assert after["ComputeQuotaId"] == first["research"]["ComputeQuotaId"]
    assert after["ComputeQuotaConfig"]["ComputeQuotaResources"] == [{"InstanceType": P5, "Count": 6}]

    sagemaker = deployment.client("sagemaker")
    sagemaker.update_compute_quota(
        ComputeQuotaId=after["ComputeQuotaId"], TargetVersion=after["ComputeQuotaVersion"], ActivationState="Disabled"
    )
    deployment.settled()
    events = deployment.client("events")
    (rule,) = (row for row in events.list_rules()["Rules"] if row["Name"].startswith(deployment.name))
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    answer = deployment.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"].encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert drift(deployment) == 1.0

    assert deployment.act("delete_stack") == "DELETE_COMPLETE"
    assert deployment.quotas() == {}


def test_a_rollback_leaves_a_foreign_quota_as_it_is(deployment: Deployment) -> None:
    sagemaker = deployment.client("sagemaker")
    made = sagemaker.create_compute_quota(
        Name="research",
        ClusterArn=deployment.cluster,
        ComputeQuotaConfig={"ComputeQuotaResources": [{"InstanceType": P5, "Count": 1}]},
        ComputeQuotaTarget={"TeamName": "research"},
    )
    assert deployment.act("create_stack", {"research": 4}) == "ROLLBACK_COMPLETE"
    assert "this stack did not make" in deployment.reasons()
    (left,) = deployment.quotas().values()
    assert (left["ComputeQuotaId"], left["ComputeQuotaVersion"]) == (made["ComputeQuotaId"], 1)


def drift(deployment: Deployment) -> float:
    """Most of the things that a look has found to differ."""
    now = time.time()
    (point,) = deployment.client("cloudwatch").get_metric_statistics(
        Namespace="Trainyard/Governance", MetricName="QuotaDrift", Statistics=["Maximum"], Period=300,
        Dimensions=[{"Name": "ClusterArn", "Value": deployment.cluster}], StartTime=now - 600, EndTime=now + 60,
    )["Datapoints"]  # fmt: skip
    found: float = point["Maximum"]
    return found
