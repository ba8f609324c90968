"""The network's stack."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.guardrails import LogBoundary
from constructs_lib.network import Network
from stacks.base import EnvironmentStack
from stacks.environment import Environment


class NetworkStack(EnvironmentStack):
    """VPC, endpoints, flow logs."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment) -> None:
        super().__init__(scope, construct_id, environment=environment)
        self.network = Network(self, "Network", settings=environment.network, removal=environment.removal)
        if environment.guardrails:
            LogBoundary(self, "Boundary").put_on(self)
        self.output("VpcId", self.network.vpc.vpc_id, "The VPC")
        subnets = ",".join(subnet.subnet_id for subnet in self.network.subnets)
        self.output("PrivateSubnetIds", subnets, "Private subnets, comma-separated")
        self.output(
            "EfaSecurityGroupId",
            self.network.nodes.security_group_id,
            "Security group of nodes that exchange gradients",
        )
