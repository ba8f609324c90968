"""Route tables, their subnets and routes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.network import network, retag, tag_specification, vpc
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request, Resource, unless_gone


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
        network("DestinationCidrBlock", given["DestinationCidrBlock"])
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


TYPES = (RouteTable, SubnetRouteTableAssociation, Route)
