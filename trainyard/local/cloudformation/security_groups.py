"""Security groups and their stand-alone rules."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.network import retag, tag_specification, vpc
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request, Resource, unless_gone

_RULE = {
    "CidrIp": ALL,
    "CidrIpv6": ALL,
    "Description": ALL,
    "FromPort": ALL,
    "IpProtocol": ALL,
    "ToPort": ALL,
}
_INGRESS = {**_RULE, "SourceSecurityGroupId": ALL, "SourceSecurityGroupOwnerId": ALL}
_EGRESS = {**_RULE, "DestinationSecurityGroupId": ALL}

EVERYTHING_OUT = {"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}
"""The egress rule of a group that names none: EC2 makes it; CloudFormation takes it away when the template has one."""


def permission(rule: Properties) -> dict[str, Any]:
    """A template's rule as EC2's IpPermissions take it.

    Raises:
        CallError: No peer or several, no ports where the protocol has some, or a peer group that does not exist.
    """
    made: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    if made["IpProtocol"] in ("tcp", "udp", "6", "17") and ("FromPort" not in rule or "ToPort" not in rule):
        raise CallError(f"FromPort, ToPort: protocol {rule['IpProtocol']} wants both", "MissingParameter")
    made.update({name: rule[name] for name in ("FromPort", "ToPort") if name in rule})
    note = {"Description": rule["Description"]} if "Description" in rule else {}
    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    peers = {"CidrIp": rule.get("CidrIp"), "CidrIpv6": rule.get("CidrIpv6"), "a group": group}
    if sum(value is not None for value in peers.values()) != 1:
        raise CallError(f"got the peers {sorted(k for k, v in peers.items() if v)}, but a rule has exactly one", "Peer")
    if group:
        call("ec2", "DescribeSecurityGroups", GroupIds=[group])
        owner = {"UserId": rule["SourceSecurityGroupOwnerId"]} if "SourceSecurityGroupOwnerId" in rule else {}
        made["UserIdGroupPairs"] = [{"GroupId": group, **owner, **note}]
    elif peers["CidrIp"]:
        made["IpRanges"] = [{"CidrIp": rule["CidrIp"], **note}]
    else:
        made["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **note}]
    return made


def _authorize(direction: str, group: str, rule: Properties) -> str:
    answer = call("ec2", f"AuthorizeSecurityGroup{direction}", GroupId=group, IpPermissions=[permission(rule)])
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def _revoke(direction: str, group: str, rule: Properties) -> None:
    unless_gone(
        ["InvalidPermission.NotFound", "InvalidGroup.NotFound"],
        "ec2",
        f"RevokeSecurityGroup{direction}",
        GroupId=group,
        IpPermissions=[permission(rule)],
    )


class SecurityGroup(Resource):
    type = "AWS::EC2::SecurityGroup"
    custom_name = "GroupName"
    applied: ClassVar[Mapping[str, Any]] = {
        "GroupDescription": ALL,
        "GroupName": ALL,
        "SecurityGroupEgress": _EGRESS,
        "SecurityGroupIngress": _INGRESS,
        "Tags": TAGS,
        "VpcId": ALL,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        if "VpcId" in given:
            vpc(given["VpcId"])
        made = call(
            "ec2",
            "CreateSecurityGroup",
            GroupName=request.name("GroupName", limit=255),
            Description=given["GroupDescription"],
            VpcId=given.get("VpcId"),
            TagSpecifications=tag_specification("security-group", given),
        )
        return str(made["GroupId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        self._exchange("Ingress", identity, self._rules(old, "Ingress"), self._rules(new, "Ingress"))
        before = self._rules(old, "Egress") or [EVERYTHING_OUT]
        self._exchange("Egress", identity, before, self._rules(new, "Egress") or [EVERYTHING_OUT])
        if old:
            retag(identity, old, new)

    @staticmethod
    def _rules(properties: Properties, direction: str) -> list[Properties]:
        return list(properties.get(f"SecurityGroup{direction}") or [])

    @staticmethod
    def _exchange(direction: str, group: str, old: Iterable[Properties], new: Iterable[Properties]) -> None:
        before, after = list(old), list(new)
        for rule in before:
            if rule not in after:
                _revoke(direction, group, rule)
        for rule in after:
            if rule not in before:
                _authorize(direction, group, rule)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        group = call("ec2", "DescribeSecurityGroups", GroupIds=[identity])["SecurityGroups"][0]
        return {"Id": identity, "GroupId": identity, "VpcId": group.get("VpcId", "")}

    def remove(self, identity: str, properties: Properties) -> None:
        # EC2 does not delete a group while another one's rules name it; the emulator would.
        for group in call("ec2", "DescribeSecurityGroups")["SecurityGroups"]:
            rules = group.get("IpPermissions", []) + group.get("IpPermissionsEgress", [])
            peers = {pair.get("GroupId") for rule in rules for pair in rule.get("UserIdGroupPairs", [])}
            if identity in peers and group["GroupId"] != identity:
                raise CallError(
                    f"resource {identity} has a dependent object: {group['GroupId']}", "DependencyViolation"
                )
        unless_gone(["InvalidGroup.NotFound"], "ec2", "DeleteSecurityGroup", GroupId=identity)


class _Rule(Resource):
    direction: str
    tag_shape = None

    def make(self, request: Request) -> str:
        given = request.properties
        if "GroupId" not in given:
            raise CallError("GroupId: the rule of a group in a VPC wants it", "MissingParameter")
        existing = self._existing(given)
        if existing:
            raise CallError(f"the specified rule already exists: {existing}", "InvalidPermission.Duplicate")
        return _authorize(self.direction, given["GroupId"], given)

    def _existing(self, given: Properties) -> str | None:
        """The id of a rule of the group that says the same: EC2 refuses a second one, the emulator keeps silent."""
        wanted = permission(given)
        group = call("ec2", "DescribeSecurityGroups", GroupIds=[given["GroupId"]])["SecurityGroups"][0]
        key = "IpPermissions" if self.direction == "Ingress" else "IpPermissionsEgress"
        return next((str(given["GroupId"]) for rule in group[key] if _signature(rule) == _signature(wanted)), None)

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and old.get("Description") != new.get("Description"):
            _revoke(self.direction, old["GroupId"], old)
            _authorize(self.direction, new["GroupId"], new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        if properties.get("GroupId"):
            _revoke(self.direction, properties["GroupId"], properties)


def _signature(rule: Properties) -> tuple[object, ...]:
    peers = [
        *(row["CidrIp"] for row in rule.get("IpRanges", [])),
        *(row["CidrIpv6"] for row in rule.get("Ipv6Ranges", [])),
        *(row["GroupId"] for row in rule.get("UserIdGroupPairs", [])),
    ]
    # All traffic has no ports; EC2 shows -1 or nothing for them.
    ports = () if rule["IpProtocol"] == "-1" else (str(rule.get("FromPort")), str(rule.get("ToPort")))
    return str(rule["IpProtocol"]), ports, tuple(sorted(peers))


class SecurityGroupIngress(_Rule):
    type = "AWS::EC2::SecurityGroupIngress"
    direction = "Ingress"
    applied: ClassVar[Mapping[str, Any]] = {**_INGRESS, "GroupId": ALL}


class SecurityGroupEgress(_Rule):
    type = "AWS::EC2::SecurityGroupEgress"
    direction = "Egress"
    applied: ClassVar[Mapping[str, Any]] = {**_EGRESS, "GroupId": ALL}


TYPES = (SecurityGroup, SecurityGroupIngress, SecurityGroupEgress)
