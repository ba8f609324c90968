"""What an endpoint gives to its variants and to their models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib.network import Network
from constructs_lib.serving.hosted import Kind


@dataclass(frozen=True, kw_only=True)
class Binding:
    """What an endpoint gives to what it is made of."""

    role: iam.Role
    """Role of the containers, to which a model's needs are granted."""
    key: kms.IKey
    """Key of the instances' volumes."""
    network: Network | None = None
    """Where the containers run; None: outside of any network of the account."""
    group: ec2.ISecurityGroup | None = None
    """Group of the containers, where there is a network."""

    @property
    def placed(self) -> dict[str, list[str]] | None:
        """Subnets and group, or None without a network."""
        if self.network is None or self.group is None:
            return None
        subnets = [subnet.subnet_id for subnet in self.network.subnets]
        return {"security_group_ids": [self.group.security_group_id], "subnets": subnets}

    def model_network(self) -> sagemaker.CfnModel.VpcConfigProperty | None:
        """``VpcConfig`` of a model."""
        return sagemaker.CfnModel.VpcConfigProperty(**self.placed) if self.placed else None

    def config_network(self) -> sagemaker.CfnEndpointConfig.VpcConfigProperty | None:
        """``VpcConfig`` of an endpoint configuration, for variants without a model."""
        return sagemaker.CfnEndpointConfig.VpcConfigProperty(**self.placed) if self.placed else None


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """An endpoint that is made, for what comes after it."""

    binding: Binding
    """What it gives to what it is made of."""
    resource: sagemaker.CfnEndpoint
    name: str
    """Its name, known at synth."""
    kind: Kind
    """How it serves, where a variant does not decide about it."""


def given(properties: dict[str, Any]) -> dict[str, Any]:
    """``properties`` without those that are None."""
    return {name: value for name, value in properties.items() if value is not None}
