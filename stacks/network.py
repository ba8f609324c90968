"""The network's stack."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.network import Network
from stacks.environment import Environment


class NetworkStack(cdk.Stack):
    """VPC, endpoints, flow logs."""

    def __init__(self, scope: Construct, id: str, *, environment: Environment, **options: Any) -> None:
        super().__init__(scope, id, **options)
        self.network = Network(self, "Network", settings=environment.network, removal=environment.removal)
        cdk.CfnOutput(self, "VpcId", value=self.network.vpc.vpc_id, description="The VPC")
        subnets = ",".join(subnet.subnet_id for subnet in self.network.subnets)
        cdk.CfnOutput(self, "PrivateSubnetIds", value=subnets, description="Private subnets, comma-separated")
        cdk.CfnOutput(self, "EfaSecurityGroupId", value=self.network.nodes.security_group_id,
                      description="Security group of nodes that exchange gradients")  # fmt: skip
