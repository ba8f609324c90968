"""VPC endpoints and flow logs."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation import s3
from trainyard.local.cloudformation.aws import CallError, boolean, call
from trainyard.local.cloudformation.network import retag, tag_specification
from trainyard.local.cloudformation.resource import ALL, TAGS, Properties, Request, Resource, policy_text

_MEMBERS = {"RouteTableIds": "RouteTableIds", "SecurityGroupIds": "SecurityGroupIds", "SubnetIds": "SubnetIds"}


class VpcEndpoint(Resource):
    type = "AWS::EC2::VPCEndpoint"
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_MEMBERS, ALL),
        "PolicyDocument": ALL,
        "PrivateDnsEnabled": ALL,
        "ServiceName": ALL,
        "Tags": TAGS,
        "VpcEndpointType": ALL,
        "VpcId": ALL,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        if "ServiceName" not in given:
            raise CallError("ServiceName: an endpoint wants one", "MissingParameter")
        made = call(
            "ec2",
            "CreateVpcEndpoint",
            VpcId=given["VpcId"],
            ServiceName=given["ServiceName"],
            VpcEndpointType=given.get("VpcEndpointType"),
            PolicyDocument=policy_text(given["PolicyDocument"]) if "PolicyDocument" in given else None,
            PrivateDnsEnabled=given.get("PrivateDnsEnabled"),
            TagSpecifications=tag_specification("vpc-endpoint", given),
            **{name: given[name] for name in _MEMBERS if given.get(name)},
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        change: dict[str, Any] = {}
        for name in _MEMBERS:
            before, after = old.get(name) or [], new.get(name) or []
            change[f"Add{name}"] = [one for one in after if one not in before] or None
            change[f"Remove{name}"] = [one for one in before if one not in after] or None
        if "PolicyDocument" in new:
            change["PolicyDocument"] = policy_text(new["PolicyDocument"])
        elif "PolicyDocument" in old:
            change["ResetPolicy"] = True
        if new.get("PrivateDnsEnabled") != old.get("PrivateDnsEnabled"):
            change["PrivateDnsEnabled"] = boolean(new.get("PrivateDnsEnabled", False), "PrivateDnsEnabled")
        call("ec2", "ModifyVpcEndpoint", VpcEndpointId=identity, **change)
        retag(identity, old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = call("ec2", "DescribeVpcEndpoints", VpcEndpointIds=[identity])["VpcEndpoints"][0]
        return {
            "CreationTimestamp": str(found.get("CreationTimestamp", "")),
            "DnsEntries": [f"{row['HostedZoneId']}:{row['DnsName']}" for row in found.get("DnsEntries", [])],
            "Id": identity,
            "NetworkInterfaceIds": found.get("NetworkInterfaceIds", []),
        }

    def remove(self, identity: str, properties: Properties) -> None:
        # Answers with what it could not delete; what is gone already is no failure of a delete.
        call("ec2", "DeleteVpcEndpoints", VpcEndpointIds=[identity])


class FlowLog(Resource):
    type = "AWS::EC2::FlowLog"
    _fields = (
        "DeliverLogsPermissionArn",
        "LogDestination",
        "LogDestinationType",
        "LogFormat",
        "LogGroupName",
        "MaxAggregationInterval",
        "ResourceType",
        "TrafficType",
    )
    applied: ClassVar[Mapping[str, Any]] = {**dict.fromkeys(_fields, ALL), "ResourceId": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        given = request.properties
        self._check(given)
        made = call(
            "ec2",
            "CreateFlowLogs",
            ResourceIds=[given["ResourceId"]],
            TagSpecifications=tag_specification("vpc-flow-log", given),
            **{name: given[name] for name in self._fields if name in given},
        )
        return str(made["FlowLogIds"][0])

    @staticmethod
    def _check(given: Properties) -> None:
        """The role that delivers trusts the service, and the destination exists."""
        role = given.get("DeliverLogsPermissionArn")
        if role:
            trust = call("iam", "GetRole", RoleName=str(role).split("/")[-1])["Role"]["AssumeRolePolicyDocument"]
            if "vpc-flow-logs.amazonaws.com" not in json.dumps(trust):
                raise CallError(f"{role} does not trust vpc-flow-logs.amazonaws.com", "InvalidParameter")
        group = given.get("LogGroupName")
        destination = str(given.get("LogDestination", ""))
        if ":log-group:" in destination:
            group = destination.split(":log-group:")[1].removesuffix(":*")
        if group:
            found = call("logs", "DescribeLogGroups", logGroupNamePrefix=group)["logGroups"]
            if group not in [row["logGroupName"] for row in found]:
                raise CallError(f"the log group {group} does not exist", "InvalidParameter")
        if destination.startswith("arn:aws:s3:::"):
            bucket = destination.removeprefix("arn:aws:s3:::").split("/")[0]
            if not s3.exists(bucket):
                raise CallError(f"LogDestination: the bucket {bucket} does not exist", "InvalidParameter")

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old:
            retag(identity, old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        call("ec2", "DeleteFlowLogs", FlowLogIds=[identity])


TYPES = (VpcEndpoint, FlowLog)
