"""VPC endpoints in the emulator's EC2, applied as asked.

The emulator's own operations drop policies, security groups and private DNS, and check nothing. These take their place
and keep their records in its store, so that persistence and tags hold for them.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from trainyard.local.cloudformation.ec2_wire import Parameters, RefusalError, text, texts

EVERYTHING = {"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}
"""The policy of an endpoint that names none."""

GATEWAY_SERVICES = ("dynamodb", "s3", "s3express")


def _known(store: Mapping[str, Any], ids: list[str], noun: str, code: str, vpc: str) -> None:
    """Every id exists and belongs to the VPC."""
    for one in ids:
        if one not in store:
            raise RefusalError(code, f"The {noun} '{one}' does not exist")
        if store[one].get("VpcId") != vpc:
            raise RefusalError("InvalidParameter", f"The {noun} '{one}' does not belong to {vpc}")


def _check_members(record: Mapping[str, Any]) -> None:
    vpc = record["VpcId"]
    _known(ec2._route_tables, record["RouteTableIds"], "route table", "InvalidRouteTableId.NotFound", vpc)
    _known(ec2._subnets, record["SubnetIds"], "subnet ID", "InvalidSubnetId.NotFound", vpc)
    _known(ec2._security_groups, record["GroupIds"], "security group", "InvalidGroup.NotFound", vpc)
    if record["VpcEndpointType"] == "Gateway" and (record["SubnetIds"] or record["GroupIds"]):
        raise RefusalError("InvalidParameter", "A gateway endpoint takes route tables, no subnets or security groups")
    if record["VpcEndpointType"] == "Interface" and record["RouteTableIds"]:
        raise RefusalError("InvalidParameter", "An interface endpoint takes subnets and groups, no route tables")
    zones = [ec2._subnets[one]["AvailabilityZone"] for one in record["SubnetIds"]]
    if len(set(zones)) != len(zones):
        raise RefusalError("DuplicateSubnetsInSameZone", f"Found another subnet in the same zone: {zones}")


def _check_private_dns(record: Mapping[str, Any]) -> None:
    if not record["PrivateDnsEnabled"]:
        return
    if record["VpcEndpointType"] != "Interface":
        raise RefusalError("InvalidParameter", "Private DNS can't be set because the endpoint is no interface endpoint")
    vpc = ec2._vpcs[record["VpcId"]]
    if not vpc.get("EnableDnsSupport", True) or not vpc.get("EnableDnsHostnames", False):
        raise RefusalError(
            "InvalidParameter",
            f"Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
            f"for {record['VpcId']}",
        )
    for other in ec2._vpc_endpoints.values():
        same = (other["VpcId"], other["ServiceName"]) == (record["VpcId"], record["ServiceName"])
        if same and other.get("PrivateDnsEnabled") and other["VpcEndpointId"] != record["VpcEndpointId"]:
            raise RefusalError("InvalidParameter", f"private-dns-enabled: {other['VpcEndpointId']} has its domain")


def _check_service(record: Mapping[str, Any]) -> None:
    name, region = record["ServiceName"], get_region()
    prefixes = (f"com.amazonaws.{region}.", f"aws.sagemaker.{region}.")
    service = next((name.removeprefix(p) for p in prefixes if name.startswith(p)), "")
    gateway = record["VpcEndpointType"] == "Gateway"
    if not service or (gateway and service not in GATEWAY_SERVICES):
        raise RefusalError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def _policy(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise RefusalError("InvalidPolicyDocument", f"Invalid policy document: {error}") from error
    if not isinstance(document, dict) or not document.get("Statement"):
        raise RefusalError("InvalidPolicyDocument", "Invalid policy document: a Statement is wanted")
    return document


def _default_group(vpc: str) -> list[str]:
    return [g["GroupId"] for g in ec2._security_groups.values() if g["VpcId"] == vpc and g["GroupName"] == "default"]


def _create_endpoint(parameters: Parameters) -> dict[str, Any]:
    vpc, kind = text(parameters, "VpcId"), text(parameters, "VpcEndpointType") or "Gateway"
    if vpc not in ec2._vpcs:
        raise RefusalError("InvalidVpcId.NotFound", f"The Vpc Id {vpc} does not exist")
    if kind not in ("Gateway", "Interface"):
        raise RefusalError("InvalidParameter", f"VpcEndpointType: got {kind!r}, but it is Gateway or Interface")
    identity = f"vpce-{secrets.token_hex(9)[:17]}"
    groups = texts(parameters, "SecurityGroupId")
    policy = text(parameters, "PolicyDocument")
    record = {
        "CreationTimestamp": ec2._now_ts(),
        "GroupIds": groups or (_default_group(vpc) if kind == "Interface" else []),
        "OwnerId": get_account_id(),
        "PolicyDocument": json.dumps(_policy(policy) if policy else EVERYTHING),
        "PrivateDnsEnabled": text(parameters, "PrivateDnsEnabled") == "true",
        "RouteTableIds": texts(parameters, "RouteTableId"),
        "ServiceName": text(parameters, "ServiceName"),
        "State": "available",
        "SubnetIds": texts(parameters, "SubnetId"),
        "VpcEndpointId": identity,
        "VpcEndpointType": kind,
        "VpcId": vpc,
    }
    _check_service(record)
    _check_members(record)
    _check_private_dns(record)
    ec2._vpc_endpoints[identity] = record
    _route(record, record["RouteTableIds"], [])
    ec2._parse_tag_specs(parameters, "vpc-endpoint", identity)
    return {"VpcEndpoint": _described(record)}


def _route(record: Mapping[str, Any], add: list[str], remove: list[str]) -> None:
    """A gateway endpoint is a route to the service's prefix list in each of its tables."""
    prefix = ec2._aws_pl_id_from_name(record["ServiceName"])
    identity = record["VpcEndpointId"]
    for table in add:
        route = {"DestinationPrefixListId": prefix, "GatewayId": identity, "Origin": "CreateRoute", "State": "active"}
        ec2._route_tables[table]["Routes"].append(route)
    for table in remove:
        if table in ec2._route_tables:
            routes = ec2._route_tables[table]["Routes"]
            ec2._route_tables[table]["Routes"] = [row for row in routes if row.get("GatewayId") != identity]


def _described(record: Mapping[str, Any]) -> dict[str, Any]:
    names = {one: ec2._security_groups.get(one, {}).get("GroupName", "") for one in record.get("GroupIds", [])}
    shown = {key: value for key, value in record.items() if key != "GroupIds"}
    return {
        **shown,
        "DnsEntries": _dns_entries(record) if record["VpcEndpointType"] == "Interface" else [],
        "Groups": [{"GroupId": one, "GroupName": name} for one, name in names.items()],
        "NetworkInterfaceIds": [],
        "Tags": ec2._tags.get(record["VpcEndpointId"], []),
    }


def _dns_entries(record: Mapping[str, Any]) -> list[dict[str, str]]:
    region = get_region()
    service = record["ServiceName"].rpartition(f"{region}.")[2]
    name = f"{record['VpcEndpointId']}-{record['VpcEndpointId'][-8:]}.{service}.{region}.vpce.amazonaws.com"
    entries = [{"DnsName": name, "HostedZoneId": "Z7HUB22UULQXV"}]
    if record.get("PrivateDnsEnabled"):
        labels = ".".join(reversed(service.split(".")))
        entries.append({"DnsName": f"{labels}.{region}.amazonaws.com", "HostedZoneId": "ZONEIDPENDING"})
    return entries


def _modify_endpoint(parameters: Parameters) -> dict[str, Any]:
    identity = text(parameters, "VpcEndpointId")
    if identity not in ec2._vpc_endpoints:
        raise RefusalError("InvalidVpcEndpointId.NotFound", f"The VPC endpoint '{identity}' does not exist")
    record = dict(ec2._vpc_endpoints[identity])
    changes = {"RouteTableIds": "RouteTableId", "SubnetIds": "SubnetId", "GroupIds": "SecurityGroupId"}
    for key, word in changes.items():
        remove = texts(parameters, f"Remove{word}")
        kept = [one for one in record.get(key, []) if one not in remove]
        record[key] = kept + [one for one in texts(parameters, f"Add{word}") if one not in kept]
    policy = text(parameters, "PolicyDocument")
    if text(parameters, "ResetPolicy") == "true":
        record["PolicyDocument"] = json.dumps(EVERYTHING)
    elif policy:
        record["PolicyDocument"] = json.dumps(_policy(policy))
    if text(parameters, "PrivateDnsEnabled"):
        record["PrivateDnsEnabled"] = text(parameters, "PrivateDnsEnabled") == "true"
    _check_members(record)
    _check_private_dns(record)
    before = ec2._vpc_endpoints[identity].get("RouteTableIds", [])
    _route(
        record,
        [one for one in record["RouteTableIds"] if one not in before],
        [one for one in before if one not in record["RouteTableIds"]],
    )
    ec2._vpc_endpoints[identity] = record
    return {"Return": True}


def _delete_endpoints(parameters: Parameters) -> dict[str, Any]:
    failed = []
    for identity in texts(parameters, "VpcEndpointId"):
        record = ec2._vpc_endpoints.pop(identity, None)
        if record is None:
            error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": f"The VPC endpoint '{identity}' does not exist"}
            failed.append({"Error": error, "ResourceId": identity})
            continue
        _route(record, [], record.get("RouteTableIds", []))
        ec2._tags.pop(identity, None)
    return {"Unsuccessful": failed}


def _describe_endpoints(parameters: Parameters) -> dict[str, Any]:
    wanted, filters = texts(parameters, "VpcEndpointId"), ec2._parse_filters(parameters)
    for identity in wanted:
        if identity not in ec2._vpc_endpoints:
            raise RefusalError("InvalidVpcEndpointId.NotFound", f"The VPC endpoint '{identity}' does not exist")
    fields = {"vpc-id": "VpcId", "service-name": "ServiceName", "vpc-endpoint-type": "VpcEndpointType"}
    rows = []
    for record in ec2._vpc_endpoints.values():
        chosen = not wanted or record["VpcEndpointId"] in wanted
        filtered = all(record[fields[name]] in values for name, values in filters.items() if name in fields)
        if chosen and filtered and ec2._resource_matches_tag_filters(record["VpcEndpointId"], filters):
            rows.append(_described(record))
    return {"VpcEndpoints": rows}


ACTIONS: Mapping[str, Callable[[Parameters], dict[str, Any]]] = {
    "CreateVpcEndpoint": _create_endpoint,
    "DeleteVpcEndpoints": _delete_endpoints,
    "DescribeVpcEndpoints": _describe_endpoints,
    "ModifyVpcEndpoint": _modify_endpoint,
}
