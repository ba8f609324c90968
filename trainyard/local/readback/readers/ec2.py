"""Readers of the network."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.readback.compare import difference
from trainyard.local.readback.readers.base import Deployed, Reader, document, tags

_EVERYTHING_OUT = [{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}]
_EVERYTHING = {"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}


def _one(deployed: Deployed, operation: str, key: str, **parameters: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = deployed.call("ec2", operation, **parameters)[key]
    return found[0]


def _vpc(deployed: Deployed) -> dict[str, Any]:
    found = _one(deployed, "describe_vpcs", "Vpcs", VpcIds=[deployed.physical_id])

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
            return _one(deployed, "describe_security_groups", "SecurityGroups", Filters=filters)["GroupId"]
        case "DefaultNetworkAcl":
            filters.append({"Name": "default", "Values": ["true"]})
            return _one(deployed, "describe_network_acls", "NetworkAcls", Filters=filters)["NetworkAclId"]
    return None


def _vpc_range(deployed: Deployed) -> dict[str, Any]:
    filters = [{"Name": "cidr-block-association.association-id", "Values": [deployed.physical_id]}]
    found = _one(deployed, "describe_vpcs", "Vpcs", Filters=filters)
    (row,) = (one for one in found["CidrBlockAssociationSet"] if one["AssociationId"] == deployed.physical_id)
    return {"CidrBlock": row["CidrBlock"], "VpcId": found["VpcId"]}


def _subnet(deployed: Deployed) -> dict[str, Any]:
    found = _one(deployed, "describe_subnets", "Subnets", SubnetIds=[deployed.physical_id])
    names = ("AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "VpcId")
    return {**{name: found[name] for name in names}, "Tags": tags(found.get("Tags"))}


def _subnet_attribute(deployed: Deployed, name: str) -> Any:
    return deployed.physical_id if name == "SubnetId" else _subnet(deployed).get(name)


def _route_table(deployed: Deployed) -> dict[str, Any]:
    found = _one(deployed, "describe_route_tables", "RouteTables", RouteTableIds=[deployed.physical_id])
    return {"VpcId": found["VpcId"], "Tags": tags(found.get("Tags"))}


def _association(deployed: Deployed) -> dict[str, Any]:
    for table in deployed.call("ec2", "describe_route_tables")["RouteTables"]:
        for row in table.get("Associations", []):
            if row["RouteTableAssociationId"] == deployed.physical_id:
                return {"RouteTableId": table["RouteTableId"], "SubnetId": row.get("SubnetId")}
    return {}


def _route(deployed: Deployed) -> dict[str, Any]:
    table, _, block = deployed.physical_id.partition("|")
    found = _one(deployed, "describe_route_tables", "RouteTables", RouteTableIds=[table])
    for row in found["Routes"]:
        if row.get("DestinationCidrBlock") == block:
            return {**{k: v for k, v in row.items() if k not in ("Origin", "State")}, "RouteTableId": table}
    return {}


def _rules(permissions: list[dict[str, Any]], peer: str) -> list[dict[str, Any]]:
    """EC2's permissions as CloudFormation's rules; `peer` is Source or Destination."""
    rules = []
    for row in permissions:
        base = {"IpProtocol": row["IpProtocol"]}
        if row["IpProtocol"] != "-1":
            base.update({name: row[name] for name in ("FromPort", "ToPort") if name in row})
        peers = [
            *(({"CidrIp": one["CidrIp"]}, one) for one in row.get("IpRanges", [])),
            *(({"CidrIpv6": one["CidrIpv6"]}, one) for one in row.get("Ipv6Ranges", [])),
            *(({f"{peer}SecurityGroupId": one["GroupId"]}, one) for one in row.get("UserIdGroupPairs", [])),
        ]
        for who, note in peers:
            text = {"Description": note["Description"]} if note.get("Description") else {}
            rules.append({**base, **who, **text})
    return rules


def _without_ports(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as EC2 keeps it: a rule for all traffic has no ports, whatever the template says of them."""
    if str(rule.get("IpProtocol")) != "-1":
        return dict(rule)
    return {key: value for key, value in rule.items() if key not in ("FromPort", "ToPort")}


def _own(deployed: Deployed, rules: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """A group's rules without those that stand-alone resources made."""
    left = list(rules)
    for other, properties in deployed.others:
        if other == f"AWS::EC2::SecurityGroup{kind}" and properties.get("GroupId") == deployed.physical_id:
            wanted = _without_ports({k: v for k, v in properties.items() if k != "GroupId"})
            match = next((rule for rule in left if difference(wanted, rule) is None), None)
            if match:
                left.remove(match)
    return left


def _security_group(deployed: Deployed) -> dict[str, Any]:
    found = _one(deployed, "describe_security_groups", "SecurityGroups", GroupIds=[deployed.physical_id])
    return {
        "GroupDescription": found["Description"],
        "GroupName": found["GroupName"],
        "SecurityGroupEgress": _own(deployed, _rules(found["IpPermissionsEgress"], "Destination"), "Egress"),
        "SecurityGroupIngress": _own(deployed, _rules(found["IpPermissions"], "Source"), "Ingress"),
        "Tags": tags(found.get("Tags")),
        "VpcId": found["VpcId"],
    }


def _security_group_attribute(deployed: Deployed, name: str) -> Any:
    return deployed.physical_id if name in ("GroupId", "Id") else _security_group(deployed).get(name)


def _rule(permissions: str, peer: str) -> Any:
    def read(deployed: Deployed) -> dict[str, Any]:
        group = deployed.properties["GroupId"]
        found = _one(deployed, "describe_security_groups", "SecurityGroups", GroupIds=[group])
        wanted = _without_ports({k: v for k, v in deployed.properties.items() if k != "GroupId"})
        rules = _rules(found[permissions], peer)
        # A rule has no describe operation of its own that says all of it: it is the group's rule that says the same.
        match = next((rule for rule in rules if difference(wanted, rule) is None), {})
        return {**match, "GroupId": group}

    return read


def _endpoint(deployed: Deployed) -> dict[str, Any]:
    ids = [deployed.physical_id]
    found = _one(deployed, "describe_vpc_endpoints", "VpcEndpoints", VpcEndpointIds=ids)
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
    found = _one(deployed, "describe_flow_logs", "FlowLogs", FlowLogIds=[deployed.physical_id])
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


def _identity(*names: str) -> Any:
    return lambda deployed, name: deployed.physical_id if name in names else None


READERS = {
    "AWS::EC2::VPC": Reader(
        read=_vpc,
        attribute=_vpc_attribute,
        defaults={"EnableDnsHostnames": False, "EnableDnsSupport": True, "InstanceTenancy": "default"},
    ),
    "AWS::EC2::VPCCidrBlock": Reader(read=_vpc_range, attribute=_identity("Id")),
    "AWS::EC2::Subnet": Reader(
        read=_subnet,
        attribute=_subnet_attribute,
        defaults={"MapPublicIpOnLaunch": False},
        chosen=frozenset({"AvailabilityZone"}),
    ),
    "AWS::EC2::RouteTable": Reader(read=_route_table, attribute=_identity("RouteTableId")),
    "AWS::EC2::SubnetRouteTableAssociation": Reader(read=_association, attribute=_identity("Id")),
    "AWS::EC2::Route": Reader(read=_route),
    "AWS::EC2::SecurityGroup": Reader(
        read=_security_group,
        attribute=_security_group_attribute,
        defaults={"SecurityGroupEgress": _EVERYTHING_OUT, "SecurityGroupIngress": []},
        chosen=frozenset({"GroupName", "VpcId"}),
    ),
    "AWS::EC2::SecurityGroupIngress": Reader(read=_rule("IpPermissions", "Source"), attribute=_identity("Id")),
    "AWS::EC2::SecurityGroupEgress": Reader(
        read=_rule("IpPermissionsEgress", "Destination"), attribute=_identity("Id")
    ),
    "AWS::EC2::VPCEndpoint": Reader(
        read=_endpoint,
        attribute=_identity("Id"),
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
        attribute=_identity("Id"),
        defaults={"LogDestinationType": "cloud-watch-logs", "MaxAggregationInterval": 600, "TrafficType": "ALL"},
        chosen=frozenset({"LogFormat"}),
    ),
}
