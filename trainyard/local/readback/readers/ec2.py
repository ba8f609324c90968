"""Readers of networks; `security_groups` has those of their groups."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, document, identity, tags

_EVERYTHING = {"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}


def _vpc(deployed: Deployed) -> dict[str, Any]:
    found = deployed.first("ec2", "describe_vpcs", "Vpcs", VpcIds=[deployed.physical_id])

    def attribute(name: str) -> Any:
        answer = deployed.call(
            "ec2", "describe_vpc_attribute", VpcId=deployed.physical_id, Attribute=name[0].lower() + name[1:]
        )
        return answer[name]["Value"]

    return {
        "CidrBlock": found["CidrBlock"],
        "EnableDnsHostnames": attribute("EnableDnsHostnames"),
        "EnableDnsSupport": attribute("EnableDnsSupport"),
        "InstanceTenancy": found["InstanceTenancy"],
        "Tags": tags(found.get("Tags")),
    }


def _vpc_attribute(deployed: Deployed, name: str) -> Any:
    filters = [{"Name": "vpc-id", "Values": [deployed.physical_id]}]
    match name:
        case "VpcId":
            return deployed.physical_id
        case "CidrBlock":
            return _vpc(deployed)["CidrBlock"]
        case "DefaultSecurityGroup":
            filters.append({"Name": "group-name", "Values": ["default"]})
            return deployed.first("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)["GroupId"]
        case "DefaultNetworkAcl":
            filters.append({"Name": "default", "Values": ["true"]})
            return deployed.first("ec2", "describe_network_acls", "NetworkAcls", Filters=filters)["NetworkAclId"]
    return None


def _vpc_range(deployed: Deployed) -> dict[str, Any]:
    filters = [{"Name": "cidr-block-association.association-id", "Values": [deployed.physical_id]}]
    found = deployed.first("ec2", "describe_vpcs", "Vpcs", Filters=filters)
    (row,) = (one for one in found["CidrBlockAssociationSet"] if one["AssociationId"] == deployed.physical_id)
    return {"CidrBlock": row["CidrBlock"], "VpcId": found["VpcId"]}


def _subnet(deployed: Deployed) -> dict[str, Any]:
    found = deployed.first("ec2", "describe_subnets", "Subnets", SubnetIds=[deployed.physical_id])
    names = ("AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "VpcId")
    return {**{name: found[name] for name in names}, "Tags": tags(found.get("Tags"))}


def _subnet_attribute(deployed: Deployed, name: str) -> Any:
    return deployed.physical_id if name == "SubnetId" else _subnet(deployed).get(name)


def _route_table(deployed: Deployed) -> dict[str, Any]:
    found = deployed.first("ec2", "describe_route_tables", "RouteTables", RouteTableIds=[deployed.physical_id])
    return {"VpcId": found["VpcId"], "Tags": tags(found.get("Tags"))}


def _association(deployed: Deployed) -> dict[str, Any]:
    for table in deployed.call("ec2", "describe_route_tables")["RouteTables"]:
        for row in table.get("Associations", []):
            if row["RouteTableAssociationId"] == deployed.physical_id:
                return {"RouteTableId": table["RouteTableId"], "SubnetId": row.get("SubnetId")}
    return {}


def _route(deployed: Deployed) -> dict[str, Any]:
    table, _, block = deployed.physical_id.partition("|")
    found = deployed.first("ec2", "describe_route_tables", "RouteTables", RouteTableIds=[table])
    for row in found["Routes"]:
        if row.get("DestinationCidrBlock") == block:
            return {**{k: v for k, v in row.items() if k not in ("Origin", "State")}, "RouteTableId": table}
    return {}


def _endpoint(deployed: Deployed) -> dict[str, Any]:
    ids = [deployed.physical_id]
    found = deployed.first("ec2", "describe_vpc_endpoints", "VpcEndpoints", VpcEndpointIds=ids)
    return {
        "PolicyDocument": document(found["PolicyDocument"]) if found.get("PolicyDocument") else None,
        "PrivateDnsEnabled": found.get("PrivateDnsEnabled", False),
        "RouteTableIds": found.get("RouteTableIds", []),
        "SecurityGroupIds": [row["GroupId"] for row in found.get("Groups", [])],
        "ServiceName": found["ServiceName"],
        "SubnetIds": found.get("SubnetIds", []),
        "Tags": tags(found.get("Tags")),
        "VpcEndpointType": found["VpcEndpointType"],
        "VpcId": found["VpcId"],
    }


def _flow_log(deployed: Deployed) -> dict[str, Any]:
    found = deployed.first("ec2", "describe_flow_logs", "FlowLogs", FlowLogIds=[deployed.physical_id])
    names = (
        "DeliverLogsPermissionArn",
        "LogDestination",
        "LogDestinationType",
        "LogFormat",
        "LogGroupName",
        "MaxAggregationInterval",
        "ResourceId",
        "TrafficType",
    )
    kinds = {"vpc-": "VPC", "subnet-": "Subnet", "eni-": "NetworkInterface"}
    kind = next((name for prefix, name in kinds.items() if found["ResourceId"].startswith(prefix)), None)
    shown = {name: found[name] for name in names if found.get(name)}
    return {**shown, "ResourceType": kind, "Tags": tags(found.get("Tags"))}


READERS = {
    "AWS::EC2::VPC": Reader(
        read=_vpc,
        attribute=_vpc_attribute,
        defaults={"EnableDnsHostnames": False, "EnableDnsSupport": True, "InstanceTenancy": "default"},
    ),
    "AWS::EC2::VPCCidrBlock": Reader(read=_vpc_range, attribute=identity("Id")),
    "AWS::EC2::Subnet": Reader(
        read=_subnet,
        attribute=_subnet_attribute,
        defaults={"MapPublicIpOnLaunch": False},
        chosen=frozenset({"AvailabilityZone"}),
    ),
    "AWS::EC2::RouteTable": Reader(read=_route_table, attribute=identity("RouteTableId")),
    "AWS::EC2::SubnetRouteTableAssociation": Reader(read=_association, attribute=identity("Id")),
    "AWS::EC2::Route": Reader(read=_route),
    "AWS::EC2::VPCEndpoint": Reader(
        read=_endpoint,
        attribute=identity("Id"),
        defaults={
            "PolicyDocument": _EVERYTHING,
            "PrivateDnsEnabled": False,
            "RouteTableIds": [],
            "SubnetIds": [],
            "VpcEndpointType": "Gateway",
        },
        chosen=frozenset({"SecurityGroupIds"}),
    ),
    "AWS::EC2::FlowLog": Reader(
        read=_flow_log,
        attribute=identity("Id"),
        defaults={"LogDestinationType": "cloud-watch-logs", "MaxAggregationInterval": 600, "TrafficType": "ALL"},
        chosen=frozenset({"LogFormat"}),
    ),
}
