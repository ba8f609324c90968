"""Ranges that a VPC has beside its first one, as clients of EC2 see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud
from trainyard.operations.connection import Connection
from trainyard.operations.drift import detect

from .cases import ref
from .cases_network import SUBNET, VPC

Client = Callable[[str], Any]
pytestmark = pytest.mark.slow  # a stack a test

RANGE = {"Type": "AWS::EC2::VPCCidrBlock", "Properties": {"VpcId": ref("Vpc"), "CidrBlock": "10.2.0.0/16"}}
INSIDE = {"Type": "AWS::EC2::Subnet", "DependsOn": "Range",
          "Properties": {**SUBNET["Properties"], "CidrBlock": "10.2.1.0/24"}}  # fmt: skip


@pytest.fixture
def ec2(client: Client) -> Any:
    return client("ec2")


@pytest.fixture
def vpc(ec2: Any) -> Iterator[str]:
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    yield made
    ec2.delete_vpc(VpcId=made)


def associations(ec2: Any, vpc: str) -> dict[str, str]:
    (found,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    return {row["CidrBlock"]: row["AssociationId"] for row in found["CidrBlockAssociationSet"]}


def routes(ec2: Any, vpc: str) -> list[set[str]]:
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return [{row["DestinationCidrBlock"] for row in table["Routes"] if row["GatewayId"] == "local"} for table in tables]


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        work()
    return str(caught.value)


def test_a_range_comes_and_goes_with_its_local_routes(ec2: Any, vpc: str) -> None:
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.2.0.0/16")["CidrBlockAssociation"]
    assert made["CidrBlockState"]["State"] == "associating"
    later = ec2.create_route_table(VpcId=vpc)["RouteTable"]
    assert [row["DestinationCidrBlock"] for row in later["Routes"]] == ["10.0.0.0/16", "10.2.0.0/16"]
    assert list(associations(ec2, vpc)) == ["10.0.0.0/16", "10.2.0.0/16"]
    assert routes(ec2, vpc) == [{"10.0.0.0/16", "10.2.0.0/16"}] * 2
    for name, value in (("association-id", made["AssociationId"]), ("cidr-block", "10.2.0.0/16")):
        filters = [{"Name": f"cidr-block-association.{name}", "Values": [value]}]
        assert [one["VpcId"] for one in ec2.describe_vpcs(Filters=filters)["Vpcs"]] == [vpc]
    ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
    assert list(associations(ec2, vpc)) == ["10.0.0.0/16"]
    assert routes(ec2, vpc) == [{"10.0.0.0/16"}] * 2
    ec2.delete_route_table(RouteTableId=later["RouteTableId"])


def test_what_cannot_be_is_refused_with_ec2s_codes(ec2: Any, vpc: str) -> None:
    add, take = ec2.associate_vpc_cidr_block, ec2.disassociate_vpc_cidr_block
    assert "(InvalidVpcID.NotFound)" in refused(lambda: add(VpcId="vpc-0", CidrBlock="10.2.0.0/16"))
    assert "(MissingParameter)" in refused(lambda: add(VpcId=vpc))
    assert "(InvalidParameterValue)" in refused(lambda: add(VpcId=vpc, CidrBlock="10.2.0.1/16"))
    assert "(InvalidVpc.Range)" in refused(lambda: add(VpcId=vpc, CidrBlock="192.168.0.0/16"))
    for name, value in {"AmazonProvidedIpv6CidrBlock": True, "Ipv4IpamPoolId": "ipam-pool-0"}.items():
        assert f"{name}: the local cloud" in refused(lambda name=name, value=value: add(VpcId=vpc, **{name: value}))
    first = associations(ec2, vpc)["10.0.0.0/16"]
    assert "(OperationNotPermitted)" in refused(lambda: take(AssociationId=first))
    assert "(InvalidVpcCidrBlockAssociationID.NotFound)" in refused(lambda: take(AssociationId="vpc-cidr-assoc-0"))
    filters = [{"Name": "cidr-block-association.color", "Values": ["red"]}]
    assert "(InvalidParameterValue)" in refused(lambda: ec2.describe_vpcs(Filters=filters))


def test_a_route_out_keeps_ranges_away(ec2: Any, vpc: str) -> None:
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="10.9.0.0/24", GatewayId="igw-0")
    found = refused(lambda: ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.9.0.0/16"))
    assert "the VPC's route to 10.9.0.0/24" in found


def test_a_subnet_lies_in_any_range_and_keeps_it(stack: Any, ec2: Any) -> None:
    stack.deploy({"Resources": {"Vpc": VPC, "Range": RANGE, "Subnet": SUBNET, "Inside": INSIDE}})
    assert stack.read_back().ok
    held = stack.physical_id("Range")
    assert "(DependencyViolation)" in refused(lambda: ec2.disassociate_vpc_cidr_block(AssociationId=held))


def test_a_range_that_somebody_took_away_has_drifted(stack: Any, ec2: Any, cloud: Cloud) -> None:
    stack.deploy({"Resources": {"Vpc": VPC, "Range": RANGE}})
    ec2.disassociate_vpc_cidr_block(AssociationId=stack.physical_id("Range"))
    (found,) = detect(Connection(cloud), [stack.name])
    assert [(one.logical_id, one.deleted) for one in found.resources] == [("Range", True)]


def test_a_subnet_outside_of_every_range_is_told_all_of_them(stack: Any, failed: Any) -> None:
    outside = {**INSIDE, "Properties": {**INSIDE["Properties"], "CidrBlock": "10.3.0.0/24"}}
    with pytest.raises(failed, match=r"inside its VPC's 10\.0\.0\.0/16 or 10\.2\.0\.0/16"):
        stack.deploy({"Resources": {"Vpc": VPC, "Range": RANGE, "Subnet": outside}})


@pytest.mark.parametrize("name", ["Ipv6CidrBlock", "Ipv6Pool", "Ipv4IpamPoolId", "Ipv4NetmaskLength"])
def test_other_ways_to_a_range_are_refused_by_name(name: str, stack: Any, failed: Any) -> None:
    properties = {"VpcId": ref("Vpc"), name: "24"}
    with pytest.raises(failed, match=f"the local cloud does not apply {name}"):
        stack.deploy({"Resources": {"Vpc": VPC, "Range": {**RANGE, "Properties": properties}}})
