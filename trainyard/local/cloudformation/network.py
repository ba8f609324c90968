"""VPC, subnets, route tables and routes."""
# ruff: noqa: ARG002  (handlers keep the signature of the base class)

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
        network = _network("CidrBlock", block)
        if not 16 <= network.prefixlen <= 28:
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
        block, around = _network("CidrBlock", given["CidrBlock"]), vpc(given["VpcId"])
        if not 16 <= block.prefixlen <= 28 or not block.subnet_of(ipaddress.IPv4Network(around["CidrBlock"])):
            raise CallError(
                f"CidrBlock: got '{block}', but a subnet is a /16 to /28 inside its VPC's {around['CidrBlock']}",
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


class RouteTable(Resource):
    type = "AWS::EC2::RouteTable"
    applied: ClassVar[Mapping[str, Any]] = {"Tags": TAGS, "VpcId": ALL}

    def make(self, request: Request) -> str:
        given = request.properties
        vpc(given["VpcId"])
        tags = tag_specification("route-table", given)
        made = call("ec2", "CreateRouteTable", VpcId=given["VpcId"], TagSpecifications=tags)
        return str(made["RouteTable"]["RouteTableId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old:
            retag(identity, old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"RouteTableId": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["InvalidRouteTableID.NotFound"], "ec2", "DeleteRouteTable", RouteTableId=identity)


class SubnetRouteTableAssociation(Resource):
    type = "AWS::EC2::SubnetRouteTableAssociation"
    applied: ClassVar[Mapping[str, Any]] = {"RouteTableId": ALL, "SubnetId": ALL}

    def make(self, request: Request) -> str:
        given = request.properties
        subnet = next(iter(call("ec2", "DescribeSubnets", SubnetIds=[given["SubnetId"]])["Subnets"]), None)
        if subnet is None:
            raise CallError(f"The subnet ID '{given['SubnetId']}' does not exist", "InvalidSubnetID.NotFound")
        if route_table(given["RouteTableId"])["VpcId"] != subnet["VpcId"]:
            raise CallError(
                f"RouteTableId: {given['RouteTableId']} and {given['SubnetId']} belong to different networks",
                "InvalidParameterValue",
            )
        return str(call("ec2", "AssociateRouteTable", **given)["AssociationId"])

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["InvalidAssociationID.NotFound"], "ec2", "DisassociateRouteTable", AssociationId=identity)


class Route(Resource):
    type = "AWS::EC2::Route"
    applied: ClassVar[Mapping[str, Any]] = {
        "DestinationCidrBlock": ALL,
        "GatewayId": ALL,
        "NatGatewayId": ALL,
        "RouteTableId": ALL,
        "VpcPeeringConnectionId": ALL,
    }
    _gateways: ClassVar[Mapping[str, tuple[str, str, str]]] = {
        "igw": ("DescribeInternetGateways", "InternetGatewayIds", "InternetGateways"),
        "nat": ("DescribeNatGateways", "NatGatewayIds", "NatGateways"),
        "pcx": ("DescribeVpcPeeringConnections", "VpcPeeringConnectionIds", "VpcPeeringConnections"),
    }

    def make(self, request: Request) -> str:
        given = request.properties
        self._check(given)
        call("ec2", "CreateRoute", **given)
        return f"{given['RouteTableId']}|{given['DestinationCidrBlock']}"

    def _check(self, given: Properties) -> None:
        table = route_table(given["RouteTableId"])
        if "DestinationCidrBlock" not in given:
            raise CallError("DestinationCidrBlock: a route wants one", "MissingParameter")
        _network("DestinationCidrBlock", given["DestinationCidrBlock"])
        targets = sorted(set(given) - {"RouteTableId", "DestinationCidrBlock"})
        if len(targets) != 1:
            raise CallError(f"got the targets {targets}, but a route has exactly one", "InvalidParameterCombination")
        if any(row.get("DestinationCidrBlock") == given["DestinationCidrBlock"] for row in table["Routes"]):
            raise CallError(
                f"The route identified by {given['DestinationCidrBlock']} already exists.", "RouteAlreadyExists"
            )
        self._check_target(str(given[targets[0]]))

    def _check_target(self, target: str) -> None:
        kind = self._gateways.get(target.split("-")[0])
        if kind is None or not call("ec2", kind[0], **{kind[1]: [target]})[kind[2]]:
            raise CallError(f"The gateway ID '{target}' does not exist", "InvalidGatewayID.NotFound")

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old:
            target = next(str(v) for k, v in new.items() if k not in ("RouteTableId", "DestinationCidrBlock"))
            self._check_target(target)
            call(
                "ec2", "DeleteRoute", RouteTableId=new["RouteTableId"], DestinationCidrBlock=new["DestinationCidrBlock"]
            )
            call("ec2", "CreateRoute", **new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"CidrBlock": properties["DestinationCidrBlock"]}

    def remove(self, identity: str, properties: Properties) -> None:
        table, _, block = identity.partition("|")
        unless_gone(
            ["InvalidRouteTableID.NotFound", "InvalidRoute.NotFound"],
            "ec2",
            "DeleteRoute",
            RouteTableId=table,
            DestinationCidrBlock=block,
        )


def route_table(identity: str) -> dict[str, Any]:
    """A route table as EC2 describes it.

    Raises:
        CallError: There is none.
    """
    found = call("ec2", "DescribeRouteTables", RouteTableIds=[identity])["RouteTables"]
    if not found:
        raise CallError(f"The route table '{identity}' does not exist", "InvalidRouteTableID.NotFound")
    return dict(found[0])


def _network(name: str, block: object) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(str(block))
    except ValueError as error:
        raise CallError(f"{name}: {error}", "InvalidParameterValue") from error


TYPES = (Vpc, Subnet, RouteTable, SubnetRouteTableAssociation, Route)
