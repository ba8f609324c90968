"""A SageMaker pipeline from typed steps."""

from __future__ import annotations

import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.training.binding import Binding
from constructs_lib.training.definition import check_size, definition
from constructs_lib.training.expressions import Parameter
from constructs_lib.training.roles import JobRole, after_policies, grant_start_jobs, sagemaker_role
from constructs_lib.training.steps.base import Step
from constructs_lib.training.steps.condition import ConditionStep
from constructs_lib.training.steps.register import RegisterModelStep
from constructs_lib.training.tagging import tag_jobs
from ml_contract.errors import reject

NAME = re.compile(r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,255}$")


class TrainingPipeline(Construct):
    """The pipeline, the role that runs it and the role of its jobs. Nothing runs when it is deployed.

    Jobs carry the tags of the pipeline.
    """

    resource: sagemaker.CfnPipeline
    jobs: iam.Role
    """Role of training and processing jobs."""
    role: iam.Role
    """Role of the pipeline itself: starts jobs, registers packages."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        parameters: Sequence[Parameter],
        steps: Sequence[Step],
        network: Network,
        key: kms.IKey,
    ) -> None:
        """Build the pipeline.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Name of the pipeline, which CloudFormation requires; unique in account and region.
            parameters: What an operator may vary from execution to execution.
            steps: Steps; their order is by what they read and by ``depends_on``.
            network: Where the jobs run.
            key: Key of the jobs' volumes.

        Raises:
            ContractError: A name is taken twice or misspelled, or something refers to what does not exist.
        """
        super().__init__(scope, construct_id)
        if not cdk.Token.is_unresolved(name) and not NAME.match(name):
            reject("name", name, "a pipeline's name has at most 256 letters, digits and single hyphens between them",
                   "Write it like trainyard-dev-bytes-lm.")  # fmt: skip
        self.jobs = JobRole(self, "Jobs", network=network, key=key).role
        self.role = sagemaker_role(self, "Role", "Starts the jobs of one pipeline and registers its packages")
        stack = cdk.Stack.of(self)
        binding = Binding(scope=self, role=self.jobs, pipeline_role=self.role, network=network, key=key)
        text = stack.to_json_string(tag_jobs(definition(parameters, steps, binding), lambda: self.resource.tags))
        check_size(text)
        grant_start_jobs(self.role, self.jobs, package_groups=_groups(steps))
        self.resource = sagemaker.CfnPipeline(
            self,
            "Resource",
            pipeline_name=name,
            pipeline_definition={"PipelineDefinitionBody": text},
            role_arn=self.role.role_arn,
        )
        after_policies(self.resource, self.role, self.jobs)
        self.start_command = (
            f"aws sagemaker start-pipeline-execution --region {stack.region} --pipeline-name {self.resource.ref}"
        )


def _groups(steps: Sequence[Step]) -> list[str]:
    found = []
    for step in steps:
        if isinstance(step, RegisterModelStep):
            found.append(step.group.model_package_group_name)
        elif isinstance(step, ConditionStep):
            found.extend(_groups(tuple(step.nested())))
    return sorted(set(found))
