"""What a pipeline gives to its steps and to what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.network import Network


@dataclass(frozen=True, kw_only=True)
class Binding:
    """What a pipeline gives to its steps."""

    scope: Construct
    """Where warnings are shown."""
    role: iam.IRole
    """Role of the jobs, to which a step's needs are granted."""
    pipeline_role: iam.IRole
    """Role of the pipeline, which reads the property files of conditions and the data that it registers."""
    network: Network
    """Where the jobs run."""
    key: kms.IKey
    """Key of the hosts' volumes."""

    def vpc(self) -> dict[str, Any]:
        """VpcConfig of a job."""
        return {"SecurityGroupIds": [self.network.nodes.security_group_id],
                "Subnets": [subnet.subnet_id for subnet in self.network.subnets]}  # fmt: skip
