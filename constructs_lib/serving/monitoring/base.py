"""What all monitors share.

Sources, read 2026-11-21: the four Create…JobDefinition calls and CreateMonitoringSchedule, SageMaker API reference;
"Data and model quality monitoring with Amazon SageMaker Model Monitor": it looks at endpoints of a single model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field

from constructs_lib.network import Network
from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.monitoring.schedule import Schedule
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

INPUT = "/opt/ml/processing/input/endpoint"
OUTPUT = "/opt/ml/processing/output"
LONGEST_NAME = 63
_INSTEAD: dict[Kind, str] = {
    "serverless": "Take a real-time variant: serverless endpoints capture nothing.",
    "multi-model": "Give each model that is watched an endpoint of its own.",
}


class MonitorResources(Value):
    """Hosts of one run."""

    instance_type: str
    """Type of every host, for example ``ml.m5.xlarge``."""
    instance_count: int = Field(default=1, ge=1, le=100)
    """Number of hosts; one by default."""
    volume_gib: int = Field(ge=1, le=16384)
    """Volume of each, GiB: the captured data of one interval and what is made of it."""
    max_run_seconds: int = Field(ge=60, le=86400)
    """Longest time for one run; less than the time between two."""

    def render(self, table: Any, key: kms.IKey) -> Any:
        """``JobResources`` of a job definition."""
        # Types with local storage encrypt it by themselves and refuse a key (ProcessingClusterConfig).
        keyed = not instance(self.instance_type).has_local_storage
        cluster = table.ClusterConfigProperty(
            instance_count=self.instance_count, instance_type=self.instance_type, volume_size_in_gb=self.volume_gib,
            volume_kms_key_id=key.key_arn if keyed else None,
        )  # fmt: skip
        return table.MonitoringResourcesProperty(cluster_config=cluster)


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What a monitor is bound to."""

    hosted: Hosted
    """What is watched."""
    role: iam.IRole
    """Role of the runs, to which a monitor's needs are granted."""
    network: Network
    """Where they run."""
    key: kms.IKey
    """Key of their volumes."""


class Monitor(Value):
    """Looks at captured data at fixed times and holds it against a baseline."""

    kind: ClassVar[str]
    """What it looks at, as SageMaker names it."""
    table: ClassVar[Any]
    """L1 construct of its job definition."""
    prefix: ClassVar[str]
    """What the properties of its job definition begin with."""
    image: ClassVar[ContainerImage]
    """What looks."""
    constraints: ClassVar[str] = "constraints.json"
    """File of a baseline that says what may be."""

    schedule: Schedule
    """When it runs."""
    resources: MonitorResources
    """Hosts of one run."""
    output: Location
    """Below which reports and violations go."""
    baseline: Location | None = None
    """Where a baseline job wrote; by default nothing is a violation, and only statistics are kept."""

    def check(self, hosted: Hosted) -> None:
        """Refuse what cannot be watched.

        Raises:
            ContractError: Nothing is captured of its kind, or a type is not in the catalogue.
        """
        instance(self.resources.instance_type, field="resources.instance_type")
        if hosted.kind != "real-time":
            reject("monitors", hosted.kind, "Model Monitor looks at real-time endpoints of a single model",
                   _INSTEAD.get(hosted.kind, "Take a real-time variant."))  # fmt: skip
        if len(self.name(hosted)) > LONGEST_NAME:
            reject("monitors", self.name(hosted), f"the name of a schedule has at most {LONGEST_NAME} characters",
                   "Give the endpoint a shorter name.")  # fmt: skip

    def name(self, hosted: Hosted) -> str:
        """Name of the schedule, which CloudWatch has as a dimension."""
        return f"{hosted.endpoint}-{self.kind}"

    def application(self, _scope: Construct, _watching: Watching, /) -> dict[str, Any]:
        """What the container is told, beside its image."""
        return {}

    def look(self) -> dict[str, Any]:
        """What of the captured data is looked at."""
        return {}

    def truth(self, _watching: Watching, /) -> dict[str, Any]:
        """Where the true answers are, for those that need them."""
        return {}

    def bind(self, scope: Construct, watching: Watching) -> sagemaker.CfnMonitoringSchedule:
        """Make job definition and schedule.

        Args:
            scope: Parent of this monitor alone.
            watching: What is watched, and by whom.

        Raises:
            ContractError: As ``check``.
        """
        self.check(watching.hosted)
        self.image.grant_pull(watching.role)
        self.output.grant_read_write(watching.role)
        if self.baseline:
            self.baseline.grant_read(watching.role)
        definition = self._definition(scope, watching)
        definition.node.add_dependency(watching.hosted.resource)
        # A file is named by its address, which CloudFormation does not see as a reference.
        for child in scope.node.children:
            if child is not definition:
                definition.node.add_dependency(child)
        config = sagemaker.CfnMonitoringSchedule
        return sagemaker.CfnMonitoringSchedule(
            scope,
            "Schedule",
            monitoring_schedule_name=self.name(watching.hosted),
            monitoring_schedule_config=config.MonitoringScheduleConfigProperty(
                # The definition has no name of its own: it is immutable, and a change makes a new one first.
                monitoring_job_definition_name=cdk.Fn.select(1, cdk.Fn.split("/", definition.ref)),
                monitoring_type=self.kind,
                schedule_config=config.ScheduleConfigProperty(schedule_expression=self.schedule.render()),
            ),
        )

    def _definition(self, scope: Construct, watching: Watching) -> cdk.CfnResource:
        table, prefix = self.table, self.prefix
        network, key = watching.network, self.output.bucket.encryption_key
        written = table.MonitoringOutputProperty(
            s3_output=table.S3OutputProperty(
                local_path=OUTPUT, s3_uri=f"{self.output.uri}/{self.kind}", s3_upload_mode="EndOfJob"
            )
        )
        found = table.EndpointInputProperty(endpoint_name=watching.hosted.endpoint, local_path=INPUT, **self.look())
        application = getattr(table, f"{_pascal(prefix)}AppSpecificationProperty")
        inputs = getattr(table, f"{_pascal(prefix)}JobInputProperty")
        properties: dict[str, Any] = {
            f"{prefix}_app_specification": application(
                image_uri=self.image.uri(scope), **self.application(scope, watching)
            ),
            f"{prefix}_job_input": inputs(endpoint_input=found, **self.truth(watching)),
            f"{prefix}_job_output_config": table.MonitoringOutputConfigProperty(
                monitoring_outputs=[written], kms_key_id=key.key_arn if key else None
            ),
            "job_resources": self.resources.render(table, watching.key),
            "role_arn": watching.role.role_arn,
            "stopping_condition": table.StoppingConditionProperty(
                max_runtime_in_seconds=self.resources.max_run_seconds
            ),
            "network_config": table.NetworkConfigProperty(
                enable_network_isolation=False,
                enable_inter_container_traffic_encryption=self.resources.instance_count > 1,
                vpc_config=table.VpcConfigProperty(
                    security_group_ids=[network.nodes.security_group_id],
                    subnets=[subnet.subnet_id for subnet in network.subnets],
                ),
            ),
        }
        if self.baseline:
            properties[f"{prefix}_baseline_config"] = self._baseline(self.baseline)
        definition: cdk.CfnResource = table(scope, "Definition", **properties)
        return definition

    def _baseline(self, place: Location) -> Any:
        table = self.table
        files: dict[str, Any] = {
            "constraints_resource": table.ConstraintsResourceProperty(s3_uri=f"{place.uri}/{self.constraints}")
        }
        if hasattr(table, "StatisticsResourceProperty"):
            files["statistics_resource"] = table.StatisticsResourceProperty(s3_uri=f"{place.uri}/statistics.json")
        return getattr(table, f"{_pascal(self.prefix)}BaselineConfigProperty")(**files)


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
