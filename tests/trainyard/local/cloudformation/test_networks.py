"""Networks of the environments that are meant for AWS, deployed from their templates and read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import synthesis

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stage", ["Dev", "Prod", "Research"])
def test_a_network_is_as_written(stage: str, stack: Any, client: Callable[[str], Any]) -> None:
    template = synthesis.template(stage, "Network")
    version = template["Parameters"]["BootstrapVersion"]["Default"]
    client("ssm").put_parameter(Name=version, Value="99", Type="String", Overwrite=True)
    stack.deploy(template)
    found = stack.read_back()
    assert found.ok, found
    assert found.resources == len(template["Resources"]) - len(synthesis.resources(template, "AWS::CDK::Metadata"))
    (network,) = synthesis.resources(template, "AWS::EC2::VPC")
    (vpc,) = client("ec2").describe_vpcs(VpcIds=[stack.physical_id(network)])["Vpcs"]
    added = synthesis.resources(template, "AWS::EC2::VPCCidrBlock").values()
    ranges = [vpc["CidrBlock"], *(entry["Properties"]["CidrBlock"] for entry in added)]
    assert [row["CidrBlock"] for row in vpc["CidrBlockAssociationSet"]] == ranges
