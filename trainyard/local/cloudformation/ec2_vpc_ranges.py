"""Ranges that a VPC has beside its first one, in the emulator's EC2, which knows of none.

They are kept in its own record of the VPC, so that persistence and deletion hold for them. What it checks nowhere else,
that a subnet lies in a range of its VPC, is the affair of CloudFormation's handlers.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

from ministack.services import ec2

from trainyard.local.cloudformation.ec2_wire import Answer, Parameters, RefusalError, text, texts
from trainyard.local.cloudformation.vpc_rules import refusal

_KEPT = "AddedRanges"
"""In the record of a VPC: association id to range."""
_NOT_APPLIED = (
    "AmazonProvidedIpv6CidrBlock",
    "Ipv4IpamPoolId",
    "Ipv4NetmaskLength",
    "Ipv6CidrBlock",
    "Ipv6CidrBlockNetworkBorderGroup",
    "Ipv6IpamPoolId",
    "Ipv6NetmaskLength",
    "Ipv6Pool",
)
_FILTER = "cidr-block-association."


def _ranges(vpc: Mapping[str, Any]) -> dict[str, str]:
    """By association id, the first range first."""
    first = vpc.get("_cidr_assoc_id", f"vpc-cidr-assoc-{vpc['VpcId'].removeprefix('vpc-')}")
    return {first: vpc["CidrBlock"], **vpc.get(_KEPT, {})}


def _association(identity: str, block: str, state: str = "associated") -> dict[str, Any]:
    return {"AssociationId": identity, "CidrBlock": block, "CidrBlockState": {"State": state}}


def _local(block: str) -> dict[str, str]:
    return {"DestinationCidrBlock": block, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}


def _tables(vpc: str) -> Iterator[dict[str, Any]]:
    return (table for table in ec2._route_tables.values() if table["VpcId"] == vpc)


def _associate(parameters: Parameters) -> dict[str, Any]:
    identity, wanted = text(parameters, "VpcId"), text(parameters, "CidrBlock")
    if identity not in ec2._vpcs:
        raise RefusalError("InvalidVpcID.NotFound", f"The vpc ID '{identity}' does not exist")
    if unknown := [name for name in _NOT_APPLIED if text(parameters, name)]:
        raise RefusalError("UnsupportedOperation", f"{unknown[0]}: the local cloud adds IPv4 ranges by CidrBlock alone")
    if not wanted:
        raise RefusalError("MissingParameter", "The request must contain the parameter CidrBlock")
    try:
        block = IPv4Network(wanted)
    except ValueError as error:
        raise RefusalError("InvalidParameterValue", f"Value ({wanted}) for parameter cidrBlock: {error}") from error
    vpc = ec2._vpcs[identity]
    destinations = [
        IPv4Network(route["DestinationCidrBlock"])
        for table in _tables(identity)
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") and route.get("GatewayId") != "local"
    ]
    if refused := refusal([IPv4Network(one) for one in _ranges(vpc).values()], destinations, block):
        raise RefusalError(*refused)
    association = f"vpc-cidr-assoc-{secrets.token_hex(9)[:17]}"
    vpc[_KEPT] = {**vpc.get(_KEPT, {}), association: wanted}
    for table in _tables(identity):
        table["Routes"].append(_local(wanted))
    return {"CidrBlockAssociation": _association(association, wanted, "associating"), "VpcId": identity}


def _disassociate(parameters: Parameters) -> dict[str, Any]:
    association = text(parameters, "AssociationId")
    vpc = next((one for one in ec2._vpcs.values() if association in _ranges(one)), None)
    if vpc is None:
        raise RefusalError(
            "InvalidVpcCidrBlockAssociationID.NotFound",
            f"The vpc CIDR block association ID '{association}' does not exist",
        )
    if association not in vpc.get(_KEPT, {}):
        raise RefusalError(
            "OperationNotPermitted",
            f"The vpc CIDR block with association ID {association} may not be disassociated. It is the primary IPv4 "
            "CIDR block of the VPC",
        )
    identity, block = vpc["VpcId"], vpc[_KEPT][association]
    for subnet in ec2._subnets.values():
        if subnet["VpcId"] == identity and IPv4Network(subnet["CidrBlock"]).subnet_of(IPv4Network(block)):
            raise RefusalError("DependencyViolation", f"The CIDR '{block}' has the subnet {subnet['SubnetId']} in it")
    vpc[_KEPT] = {one: other for one, other in vpc[_KEPT].items() if one != association}
    for table in _tables(identity):
        table["Routes"].remove(_local(block))
    return {"CidrBlockAssociation": _association(association, block, "disassociating"), "VpcId": identity}


def _describe(parameters: Parameters) -> dict[str, Any]:
    wanted = texts(parameters, "VpcId")
    for identity in wanted:
        if identity not in ec2._vpcs:
            raise RefusalError("InvalidVpcID.NotFound", f"The vpc ID '{identity}' does not exist")
    filters = ec2._parse_filters(parameters)
    others = {name: values for name, values in filters.items() if not name.startswith(_FILTER)}
    shown = []
    for vpc in ec2._vpcs.values():
        if (not wanted or vpc["VpcId"] in wanted) and ec2._matches_vpc_filters(vpc, others):
            row = _shown(vpc)
            if all(_has(row, name.removeprefix(_FILTER), values) for name, values in filters.items()
                   if name not in others):  # fmt: skip
                shown.append(row)
    return {"Vpcs": shown}


def _has(row: Mapping[str, Any], name: str, values: list[str]) -> bool:
    """Whether one of a VPC's ranges has one of the values that a filter asks for."""
    for found in row["CidrBlockAssociationSet"]:
        facts = {
            "association-id": found["AssociationId"],
            "cidr-block": found["CidrBlock"],
            "state": found["CidrBlockState"]["State"],
        }
        if name not in facts:
            raise RefusalError("InvalidParameterValue", f"The filter '{_FILTER}{name}' is invalid")
        if facts[name] in values:
            return True
    return False


def _shown(vpc: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in vpc.items() if name != _KEPT},
        "CidrBlockAssociationSet": [_association(*each) for each in _ranges(vpc).items()],
        "Tags": ec2._tags.get(vpc["VpcId"], []),
    }


def create_route_table(original: Callable[[Parameters], Answer]) -> Callable[[Parameters], Answer]:
    """CreateRouteTable with a local route to every range of the VPC."""

    def create(parameters: Parameters) -> Answer:
        answer = original(parameters)
        if made := re.search(rb"<routeTableId>([^<]+)<", answer[2]):
            table = ec2._route_tables[made[1].decode()]
            table["Routes"] += [_local(block) for block in ec2._vpcs.get(table["VpcId"], {}).get(_KEPT, {}).values()]
            answer = ec2._xml(200, "CreateRouteTableResponse", ec2._rtb_fields_xml(table, tag="routeTable"))
        return answer

    return create


ACTIONS: Mapping[str, Callable[[Parameters], dict[str, Any]]] = {"DescribeVpcs": _describe}
ADDED: Mapping[str, Callable[[Parameters], dict[str, Any]]] = {
    "AssociateVpcCidrBlock": _associate,
    "DisassociateVpcCidrBlock": _disassociate,
}
