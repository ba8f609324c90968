"""The group of nodes that exchange gradients."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct


def nodes_group(scope: Construct, vpc: ec2.IVpc) -> ec2.ISecurityGroup:
    """The three rules of an EFA group, as L1: CDK's L2 drops or refuses one of them (aws-cdk #38558).

    Source: "Get started with EFA and NCCL", EC2 User Guide, read 2026-11: all traffic in from and out to the group
    itself, by its id; a route to 0.0.0.0/0 does not stand in for the rule to itself.
    """
    group = ec2.CfnSecurityGroup(
        scope,
        "NodesGroup",
        group_description="Nodes that exchange gradients: all traffic between members, by EFA or TCP",
        vpc_id=vpc.vpc_id,
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(ip_protocol="-1", cidr_ip="0.0.0.0/0", description="Endpoints")
        ],
    )
    ec2.CfnSecurityGroupIngress(
        scope,
        "NodesFromNodes",
        group_id=group.attr_group_id,
        ip_protocol="-1",
        source_security_group_id=group.attr_group_id,
        description="From each other",
    )
    ec2.CfnSecurityGroupEgress(
        scope,
        "NodesToNodes",
        group_id=group.attr_group_id,
        ip_protocol="-1",
        destination_security_group_id=group.attr_group_id,
        description="To each other",
    )
    return ec2.SecurityGroup.from_security_group_id(scope, "Nodes", group.attr_group_id, mutable=False)
