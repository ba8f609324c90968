"""Who reaches the servers of a file system.

Sources, read 2026-11-22: "File system access control with Amazon VPC" (ports 988 and 1018 to 1023, both ways, among
servers and with clients), "EFA-enabled security groups" (all traffic, by the ids of the groups), FSx for Lustre User
Guide.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

PORTS = ((988, 988), (1018, 1023))
"""Lustre's, from and to."""


class Reach:
    """The group of a file system's servers, and its rules."""

    def __init__(self, scope: Construct, *, vpc: ec2.IVpc, efa_enabled: bool) -> None:
        """Make the group, without rules.

        Args:
            scope: The file system.
            vpc: Where it stands.
            efa_enabled: Whether clients reach it by Elastic Fabric Adapters.
        """
        self._scope, self._clients = scope, 0
        self._spans: list[dict[str, Any]] = (
            [{"ip_protocol": "-1"}]
            if efa_enabled
            else [{"ip_protocol": "tcp", "from_port": low, "to_port": high} for low, high in PORTS]
        )
        self.group = ec2.SecurityGroup(scope, "Group", vpc=vpc, allow_all_outbound=False,
                                       description="Servers of a Lustre file system")  # fmt: skip

    def among_servers(self) -> list[cdk.CfnResource]:
        """Let servers reach each other; returns the rules."""
        return self._open("Self", self.group, self.group)

    def admit(self, clients: ec2.ISecurityGroup) -> list[cdk.CfnResource]:
        """Let members of a group reach the servers, and servers them; returns the rules."""
        self._clients += 1
        name = "Clients" if self._clients == 1 else f"Clients{self._clients}"
        return self._open(name, self.group, clients) + self._open(f"{name}Back", clients, self.group)

    def _open(self, name: str, group: ec2.ISecurityGroup, peer: ec2.ISecurityGroup) -> list[cdk.CfnResource]:
        """Rules of ``group`` in from and out to ``peer``, as L1: CDK's own leave a rule out where a wider one is."""
        found: list[cdk.CfnResource] = []
        for span in self._spans:
            suffix = span.get("from_port", "")
            found += [
                ec2.CfnSecurityGroupIngress(self._scope, f"{name}In{suffix}", group_id=group.security_group_id,
                                            source_security_group_id=peer.security_group_id,
                                            description="Lustre", **span),
                ec2.CfnSecurityGroupEgress(self._scope, f"{name}Out{suffix}", group_id=group.security_group_id,
                                           destination_security_group_id=peer.security_group_id,
                                           description="Lustre", **span),
            ]  # fmt: skip
        return found
