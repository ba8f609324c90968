"""The monitors of one endpoint, and the role of their runs."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.monitoring.base import Monitor, Watching
from constructs_lib.training.location import Location
from constructs_lib.training.roles import after_policies, grant_logs, grant_network, grant_volumes, sagemaker_role
from ml_contract.errors import reject


class Monitors(Construct):
    """Job definitions and schedules, at most one of each kind."""

    role: iam.Role
    """Role of the runs. Binding a monitor adds what that monitor needs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hosted: Hosted,
        monitors: Sequence[Monitor],
        captured: Location,
        network: Network,
        key: kms.IKey,
        condition: cdk.CfnCondition | None = None,
    ) -> None:
        """Build the monitors.

        Args:
            scope: Parent.
            construct_id: Construct id.
            hosted: What is watched; its endpoint captures data.
            monitors: What looks at it.
            captured: Where the endpoint writes what it captures.
            network: Where the runs take place.
            key: Key of their volumes.
            condition: Where it does not hold there is a role, and nothing else.

        Raises:
            ContractError: Two are of one kind, or one cannot watch it.
        """
        kinds = [monitor.kind for monitor in monitors]
        twice = [kind for kind in kinds if kinds.count(kind) > 1]
        if twice:
            reject("monitors", twice[0], "an endpoint has one monitor of each kind", "Keep one of the two.")
        for monitor in monitors:
            monitor.check(hosted)
        super().__init__(scope, construct_id)
        self.role = sagemaker_role(self, "Role", f"Monitors of {hosted.endpoint}")
        captured.grant_read(self.role)
        grant_network(self.role, network.subnets, network.nodes)
        grant_volumes(self.role, key)
        grant_logs(self.role, "ProcessingJobs")
        self._grant_metrics()
        watching = Watching(hosted=hosted, role=self.role, network=network, key=key)
        for monitor in monitors:
            inside = Construct(self, monitor.kind)
            monitor.bind(inside, watching)
            for resource in inside.node.find_all():
                if isinstance(resource, cdk.CfnResource):
                    after_policies(resource, self.role)
                    resource.cfn_options.condition = condition

    def _grant_metrics(self) -> None:
        # Source: the pages of the four monitors, SageMaker Developer Guide, read 2026-11-21. They write the namespaces
        # with and without a leading slash.
        names = ["data-metrics", "model-metrics", "bias-metrics", "explainability-metrics"]
        allowed = [f"{slash}aws/sagemaker/Endpoints/{name}" for name in names for slash in ("", "/")]
        self.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": [*allowed, "/aws/sagemaker/ProcessingJobs"]}},
            )
        )
