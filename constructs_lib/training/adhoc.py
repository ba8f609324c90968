"""Training jobs that people start themselves, outside every pipeline: a role for the jobs, a policy for the people.

Source: "Actions, resources, and condition keys for Amazon SageMaker AI", Service Authorization Reference, and "Control
creation of ML resources with VPC", SageMaker Developer Guide, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.storage import DATASETS, SHARED, Storage
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.training.roles import JobRole

PREFIX = "adhoc"
"""In each bucket: what these jobs and people write."""


class AdHocRuns(Construct):
    """Jobs and people write one prefix of each bucket, and read what all share; neither widens the other's reach."""

    jobs: iam.Role
    """Role of the jobs."""
    users: iam.ManagedPolicy
    """To be attached to whoever starts jobs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job_prefix: str,
        network: Network,
        storage: Storage,
        images: Sequence[ContainerImage],
        instance_types: Sequence[str],
    ) -> None:
        """Build role and policy.

        Args:
            scope: Parent.
            construct_id: Construct id.
            job_prefix: What the name of every job starts with.
            network: Where the jobs run; a job outside it is denied.
            storage: Buckets and their key; a job without the key is denied.
            images: What the jobs may pull.
            instance_types: Types of hosts that people may start.
        """
        super().__init__(scope, construct_id)
        self.datasets, self.shared = (Location(bucket=storage.data, prefix=name) for name in (DATASETS, SHARED))
        self.data, self.checkpoints, self.artifacts = (
            Location(bucket=bucket, prefix=PREFIX) for bucket in (storage.data, storage.checkpoints, storage.artifacts)
        )
        self.jobs = JobRole(self, "Jobs", network=network, key=storage.key).role
        for image in images:
            image.grant_pull(self.jobs)
        self.users = iam.ManagedPolicy(self, "Users", description=f"Starts training jobs named {job_prefix}*")
        identities: tuple[iam.IGrantable, ...] = (self.jobs, self.users)
        for identity in identities:
            for location in (self.datasets, self.shared):
                location.grant_read(identity)
            for location in (self.data, self.checkpoints, self.artifacts):
                location.grant_read_write(identity)
        self.users.add_statements(*self._statements(job_prefix, network, storage, instance_types))

    def _statements(
        self, job_prefix: str, network: Network, storage: Storage, instance_types: Sequence[str]
    ) -> list[iam.PolicyStatement]:
        stack = cdk.Stack.of(self)
        here = f"{stack.region}:{stack.account}"
        jobs = f"arn:{stack.partition}:sagemaker:{here}:training-job/{job_prefix}*"
        log = f"arn:{stack.partition}:logs:{here}:log-group:/aws/sagemaker/TrainingJobs"
        required = {
            "sagemaker:VpcSubnets": [subnet.subnet_id for subnet in network.subnets],
            "sagemaker:VpcSecurityGroupIds": [network.nodes.security_group_id],
            "sagemaker:InstanceTypes": sorted(set(instance_types)),
        }
        return [
            iam.PolicyStatement(
                actions=["sagemaker:CreateTrainingJob"],
                resources=[jobs],
                conditions={
                    # A request without the key would satisfy ForAllValues: so it must be there.
                    "Null": dict.fromkeys(required, "false"),
                    "ForAllValues:StringEquals": required,
                    "ArnEquals": {"sagemaker:OutputKmsKey": storage.key.key_arn},
                },
            ),
            iam.PolicyStatement(
                actions=["sagemaker:AddTags", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"],
                resources=[jobs],
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.jobs.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            iam.PolicyStatement(
                actions=["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
                resources=[log, f"{log}:*"],
            ),
        ]
