"""A model in another form, made when somebody starts it."""

from __future__ import annotations

import math
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.retention import LogDays
from constructs_lib.serving.machine import MOST_EVENTS, Machine
from constructs_lib.serving.optimization.definition import definition
from constructs_lib.serving.optimization.settings import Optimization
from constructs_lib.serving.optimization.techniques import ContainerTechnique, Eagle
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.training.roles import grant_logs, grant_metrics, grant_network, grant_volumes, sagemaker_role

_POLL_SECONDS = 60
"""Least pause between two looks at the job."""
_EVENTS_A_LOOK = 12
"""In an execution's history: a call, a choice and a wait, each with its own events."""
_QUEUE_SECONDS = 24 * 3600
"""Time that a job may wait for a quota and for capacity, beyond its own run time."""


class OptimizationJob(Construct):
    """State machine and role of one optimisation. Deploying runs nothing; starting it twice runs it once."""

    result: Location
    """Where the optimised model lies once an execution succeeded: for example ``Uncompressed(location=job.result)``.
    Another prefix for each change of what is done, so what serves is never overwritten."""
    role: iam.Role
    """Role of the job."""
    machine: stepfunctions.StateMachine
    """What runs it. Its output names the job, the address of the model and the image that SageMaker recommends."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        optimization: Optimization,
        output: Location,
        network: Network,
        key: kms.IKey,
        log_days: LogDays,
    ) -> None:
        """Build state machine and role.

        Args:
            scope: Parent.
            construct_id: Construct id.
            optimization: What is done.
            output: Below which results go.
            network: Where the job runs.
            key: Key of the job's volumes and of the log, which the log service may use.
            log_days: Days that the log of the executions is kept.
        """
        super().__init__(scope, construct_id)
        self.optimization = optimization
        self.result = Location(bucket=output.bucket, prefix=f"{output.prefix}/{optimization.job_name}")
        self.role = sagemaker_role(self, "Role", f"Optimisation job {optimization.name}")
        self._grant(network, key)
        timeout = optimization.max_run_seconds + _QUEUE_SECONDS
        # The looks of the longest execution fill its history, and no more.
        poll = max(_POLL_SECONDS, math.ceil(timeout * _EVENTS_A_LOOK / MOST_EVENTS))
        document = definition(request=self._request(network), poll_seconds=poll, timeout_seconds=timeout)
        self.machine = Machine(self, "Machine", document=document, key=key, log_days=log_days).resource
        self._grant_machine()

    @property
    def start_command(self) -> str:
        """What starts it, for an output of the stack."""
        return f"aws stepfunctions start-execution --state-machine-arn {self.machine.state_machine_arn}"

    def _image(self, image: ContainerImage) -> str:
        return image.uri(self)

    def _request(self, network: Network) -> dict[str, Any]:
        """Request of CreateOptimizationJob."""
        wanted, bucket_key = self.optimization, self.result.bucket.encryption_key
        source: dict[str, Any] = {"S3Uri": f"{wanted.source.uri}/"}
        if wanted.accept_eula:
            source["ModelAccessConfig"] = {"AcceptEula": True}
        return {
            "OptimizationJobName": wanted.job_name,
            "RoleArn": self.role.role_arn,
            "ModelSource": {"S3": source},
            "DeploymentInstanceType": wanted.instance_type,
            **({"OptimizationEnvironment": wanted.environment} if wanted.environment else {}),
            "OptimizationConfigs": [
                technique.render(lambda place: str(place.uri), self._image) for technique in wanted.techniques
            ],
            "OutputConfig": {
                "S3OutputLocation": f"{self.result.uri}/",
                **({"KmsKeyId": bucket_key.key_arn} if bucket_key else {}),
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": wanted.max_run_seconds},
            "VpcConfig": {
                "SecurityGroupIds": [network.nodes.security_group_id],
                "Subnets": [subnet.subnet_id for subnet in network.subnets],
            },
        }

    def _grant(self, network: Network, key: kms.IKey) -> None:
        wanted = self.optimization
        wanted.source.grant_read(self.role)
        self.result.grant_read_write(self.role)
        for technique in wanted.techniques:
            if isinstance(technique, ContainerTechnique) and technique.image:
                technique.image.grant_pull(self.role)
            if isinstance(technique, Eagle) and technique.training_data:
                technique.training_data.grant_read(self.role)
        grant_network(self.role, network.subnets, network.nodes)
        grant_volumes(self.role, key)
        grant_logs(self.role, "OptimizationJobs")
        grant_metrics(self.role, "/aws/sagemaker/OptimizationJobs")

    def _grant_machine(self) -> None:
        stack = cdk.Stack.of(self)
        job = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:optimization-job"
        actions = ("AddTags", "CreateOptimizationJob", "DescribeOptimizationJob", "DeleteOptimizationJob")
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=[f"sagemaker:{action}" for action in actions],
                resources=[f"{job}/{self.optimization.job_name}"],
            )
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
