"""The stack that lets a pipeline deploy into an environment's account."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.delivery import DeliveryRoles, GitHub
from constructs_lib.delivery.execution import ExecutionPolicy
from stacks.environment import Environment


class DeliveryStack(cdk.Stack):
    """Whom the account trusts to deploy, and what a deployment may do there at most.

    Outside of the environment's stage: a pipeline must not deploy what says whom to trust. It needs no bootstrap, for
    the bootstrap needs its policy. An administrator deploys it by hand: ``cdk deploy Delivery-Prod``.
    """

    def __init__(self, scope: Construct, *, environment: Environment, github: GitHub) -> None:
        name = environment.namespace
        super().__init__(
            scope,
            f"Delivery-{environment.stage}",
            stack_name=environment.stack_name("delivery"),
            env=environment.target,
            synthesizer=cdk.BootstraplessSynthesizer(),
            termination_protection=environment.protected,
        )
        roles = DeliveryRoles(
            self, "GitHub", github=github, name=name, region=environment.region, qualifier=environment.qualifier
        )
        execution = ExecutionPolicy(
            self, "Execution", name=name, region=environment.region, bounded=environment.guardrails is not None
        )
        for key, value in environment.cost_tags().items():
            cdk.Tags.of(self).add(key, value)
        cdk.CfnOutput(self, "DeployRoleArn", value=roles.deploys.attr_arn, description="Role of jobs that deploy")
        cdk.CfnOutput(self, "LookRoleArn", value=roles.looks.attr_arn, description="Role of jobs that look")
        command = (
            f"cdk bootstrap aws://{environment.account}/{environment.region} --qualifier {environment.qualifier} "
            f"--toolkit-stack-name CDKToolkit-{environment.qualifier} --bootstrap-customer-key "
            f"--cloudformation-execution-policies {execution.policy.ref}"
        )
        cdk.CfnOutput(self, "BootstrapCommand", value=command, description="Prepares the account for deployments")
