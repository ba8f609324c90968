"""Readers of security groups, and of rules that stand alone."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.readback.compare import difference
from trainyard.local.readback.readers.base import Deployed, Reader, identity, tags

_EVERYTHING_OUT = [{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}]


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
    found = deployed.first("ec2", "describe_security_groups", "SecurityGroups", GroupIds=[deployed.physical_id])
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
        found = deployed.first("ec2", "describe_security_groups", "SecurityGroups", GroupIds=[group])
        wanted = _without_ports({k: v for k, v in deployed.properties.items() if k != "GroupId"})
        rules = _rules(found[permissions], peer)
        # A rule has no describe operation of its own that says all of it: it is the group's rule that says the same.
        match = next((rule for rule in rules if difference(wanted, rule) is None), {})
        return {**match, "GroupId": group}

    return read


READERS = {
    "AWS::EC2::SecurityGroup": Reader(
        read=_security_group,
        attribute=_security_group_attribute,
        defaults={"SecurityGroupEgress": _EVERYTHING_OUT, "SecurityGroupIngress": []},
        chosen=frozenset({"GroupName", "VpcId"}),
    ),
    "AWS::EC2::SecurityGroupIngress": Reader(read=_rule("IpPermissions", "Source"), attribute=identity("Id")),
    "AWS::EC2::SecurityGroupEgress": Reader(read=_rule("IpPermissionsEgress", "Destination"), attribute=identity("Id")),
}
