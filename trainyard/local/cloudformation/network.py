"""VPCs and subnets."""

import ipaddress
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, boolean, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    tag_changes,
    tag_list,
    unless_gone,
)
from trainyard.local.cloudformation.vpc_rules import size_fits


def tag_specification(kind: str, properties: Properties) -> list[dict[str, Any]] | None:
    """Tags as EC2's create operations take them."""
    tags = tag_list(properties)
    return [{"ResourceType": kind, "Tags": tags}] if tags else None


def retag(identity: str, old: Properties, new: Properties) -> None:
    """Brings the tags of an EC2 resource from old to new properties."""
    add, remove = tag_changes(old, new)
    if remove:
        call("ec2", "DeleteTags", Resources=[identity], Tags=[{"Key": key} for key in remove])
    if add:
        call("ec2", "CreateTags", Resources=[identity], Tags=add)


def vpc(identity: str) -> dict[str, Any]:
    """A VPC as EC2 describes it.

    Raises:
        CallError: There is none.
    """
    found = call("ec2", "DescribeVpcs", VpcIds=[identity])["Vpcs"]
    if not found:
        raise CallError(f"The vpc ID '{identity}' does not exist", "InvalidVpcID.NotFound")
    return dict(found[0])


class Vpc(Resource):
    type = "AWS::EC2::VPC"
    applied: ClassVar[Mapping[str, Any]] = {
        "CidrBlock": ALL,
        "EnableDnsHostnames": ALL,
        "EnableDnsSupport": ALL,
        "InstanceTenancy": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        block = given.get("CidrBlock")
        if not block:
            raise CallError("CidrBlock: a VPC wants one; IPAM pools are not applied", "MissingParameter")
        if not size_fits(network("CidrBlock", block)):
            raise CallError(f"CidrBlock: got {block!r}, but a VPC's block is between /16 and /28", "InvalidVpc.Range")
        made = call(
            "ec2",
            "CreateVpc",
            CidrBlock=block,
            InstanceTenancy=given.get("InstanceTenancy"),
            TagSpecifications=tag_specification("vpc", given),
        )
        return str(made["Vpc"]["VpcId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and old.get("InstanceTenancy", "default") != new.get("InstanceTenancy", "default"):
            raise CallError("InstanceTenancy: the cloud does not change the tenancy of a VPC", "Unsupported")
        # EC2 changes one attribute a call; an absent property is the attribute's default.
        for name, default in (("EnableDnsSupport", True), ("EnableDnsHostnames", False)):
            value = boolean(new.get(name, default), name)
            call("ec2", "ModifyVpcAttribute", VpcId=identity, **{name: {"Value": value}})
        if old:
            retag(identity, old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        def default(operation: str, key: str, name: str, **conditions: str) -> str | None:
            filters = [{"Name": "vpc-id", "Values": [identity]}]
            filters += [{"Name": k.replace("_", "-"), "Values": [v]} for k, v in conditions.items()]
            found = call("ec2", operation, Filters=filters)[key]
            return next((str(row[name]) for row in found if row["VpcId"] == identity), None)

        return {
            "VpcId": identity,
            "CidrBlock": vpc(identity)["CidrBlock"],
            "CidrBlockAssociations": [row["AssociationId"] for row in vpc(identity).get("CidrBlockAssociationSet", [])],
            "DefaultSecurityGroup": default(
                "DescribeSecurityGroups", "SecurityGroups", "GroupId", group_name="default"
            ),
            "DefaultNetworkAcl": default("DescribeNetworkAcls", "NetworkAcls", "NetworkAclId", default="true"),
            "Ipv6CidrBlocks": [],
        }

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["InvalidVpcID.NotFound"], "ec2", "DeleteVpc", VpcId=identity)


class Subnet(Resource):
    type = "AWS::EC2::Subnet"
    applied: ClassVar[Mapping[str, Any]] = {
        "AvailabilityZone": ALL,
        "CidrBlock": ALL,
        "MapPublicIpOnLaunch": ALL,
        "Tags": TAGS,
        "VpcId": ALL,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        self._check(given)
        made = call(
            "ec2",
            "CreateSubnet",
            VpcId=given["VpcId"],
            CidrBlock=given["CidrBlock"],
            AvailabilityZone=given.get("AvailabilityZone"),
            TagSpecifications=tag_specification("subnet", given),
        )
        return str(made["Subnet"]["SubnetId"])

    @staticmethod
    def _check(given: Properties) -> None:
        """EC2's rules that the emulator leaves out: inside the VPC, beside other subnets, in a zone."""
        if not given.get("CidrBlock"):
            raise CallError("CidrBlock: a subnet wants one; IPAM pools are not applied", "MissingParameter")
        block, around = network("CidrBlock", given["CidrBlock"]), vpc(given["VpcId"])
        ranges = [row["CidrBlock"] for row in around["CidrBlockAssociationSet"]]
        if not size_fits(block) or not any(block.subnet_of(ipaddress.IPv4Network(one)) for one in ranges):
            raise CallError(
                f"CidrBlock: got '{block}', but a subnet is a /16 to /28 inside its VPC's {' or '.join(ranges)}",
                "InvalidSubnet.Range",
            )
        siblings = call("ec2", "DescribeSubnets", Filters=[{"Name": "vpc-id", "Values": [given["VpcId"]]}])["Subnets"]
        for sibling in siblings:
            if block.overlaps(ipaddress.IPv4Network(sibling["CidrBlock"])):
                raise CallError(
                    f"CidrBlock: got '{block}', but it overlaps {sibling['SubnetId']} with {sibling['CidrBlock']}",
                    "InvalidSubnet.Conflict",
                )
        zone = given.get("AvailabilityZone")
        zones = [row["ZoneName"] for row in call("ec2", "DescribeAvailabilityZones")["AvailabilityZones"]]
        if zone and zone not in zones:
            raise CallError(f"AvailabilityZone: got {zone!r}, but the zones are {zones}", "InvalidParameterValue")

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        public = {"Value": boolean(new.get("MapPublicIpOnLaunch", False), "MapPublicIpOnLaunch")}
        call("ec2", "ModifySubnetAttribute", SubnetId=identity, MapPublicIpOnLaunch=public)
        if old:
            retag(identity, old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        subnet = call("ec2", "DescribeSubnets", SubnetIds=[identity])["Subnets"][0]
        acls = call("ec2", "DescribeNetworkAcls", Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])
        associations = [
            row["NetworkAclAssociationId"]
            for acl in acls["NetworkAcls"]
            for row in acl.get("Associations", [])
            if row.get("SubnetId") == identity
        ]
        return {
            "SubnetId": identity,
            "VpcId": subnet["VpcId"],
            "CidrBlock": subnet["CidrBlock"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "AvailabilityZoneId": subnet.get("AvailabilityZoneId", ""),
            "Ipv6CidrBlocks": [],
            **({"NetworkAclAssociationId": associations[0]} if associations else {}),
        }

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["InvalidSubnetID.NotFound"], "ec2", "DeleteSubnet", SubnetId=identity)


def network(name: str, block: object) -> ipaddress.IPv4Network:
    """A property that is an IPv4 block.

    Raises:
        CallError: It is none.
    """
    try:
        return ipaddress.IPv4Network(str(block))
    except ValueError as error:
        raise CallError(f"{name}: {error}", "InvalidParameterValue") from error


TYPES = (Vpc, Subnet)
