"""Flow logs in the emulator's EC2, applied as asked.

The emulator's own operations drop the delivering role, the format and the interval, and check nothing.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import ec2

from trainyard.local.cloudformation.ec2_wire import Parameters, RefusalError, text, texts

_FLOW_RESOURCES = {"VPC": "_vpcs", "Subnet": "_subnets", "NetworkInterface": "_network_interfaces"}
FLOW_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
    "${bytes} ${start} ${end} ${action} ${log-status}"
)
"""The format of a flow log that names none (Amazon VPC User Guide, "Flow log records")."""


def _create_flow_logs(parameters: Parameters) -> dict[str, Any]:
    kind = text(parameters, "ResourceType")
    ids = texts(parameters, "ResourceId")
    if kind not in _FLOW_RESOURCES:
        raise RefusalError("InvalidParameter", f"ResourceType: got {kind!r}, not one of {sorted(_FLOW_RESOURCES)}")
    for one in ids:
        if one not in getattr(ec2, _FLOW_RESOURCES[kind]):
            raise RefusalError(f"Invalid{kind}Id.NotFound", f"The {kind} '{one}' does not exist")
    target = text(parameters, "LogDestinationType") or "cloud-watch-logs"
    group, destination = text(parameters, "LogGroupName"), text(parameters, "LogDestination")
    role = text(parameters, "DeliverLogsPermissionArn")
    if target == "cloud-watch-logs" and not role:
        raise RefusalError(
            "MissingParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs"
        )
    if not group and not destination:
        raise RefusalError("MissingParameter", "LogDestination or LogGroupName: a flow log wants one of them")
    interval = int(text(parameters, "MaxAggregationInterval") or 600)
    if interval not in (60, 600):
        raise RefusalError("InvalidParameter", f"MaxAggregationInterval: got {interval}, but it is 60 or 600 seconds")
    made = []
    for one in ids:
        identity = f"fl-{secrets.token_hex(9)[:17]}"
        ec2._flow_logs[identity] = {
            "CreationTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "DeliverLogsPermissionArn": role or None,
            "DeliverLogsStatus": "SUCCESS",
            "FlowLogId": identity,
            "FlowLogStatus": "ACTIVE",
            "LogDestination": destination or None,
            "LogDestinationType": target,
            "LogFormat": text(parameters, "LogFormat") or FLOW_FORMAT,
            "LogGroupName": group or None,
            "MaxAggregationInterval": interval,
            "ResourceId": one,
            "TrafficType": text(parameters, "TrafficType") or "ALL",
        }
        ec2._parse_tag_specs(parameters, "vpc-flow-log", identity)
        made.append(identity)
    return {"FlowLogIds": made, "Unsuccessful": []}


def _describe_flow_logs(parameters: Parameters) -> dict[str, Any]:
    wanted, filters = texts(parameters, "FlowLogId"), ec2._parse_filters(parameters)
    fields = {"resource-id": "ResourceId", "log-group-name": "LogGroupName", "traffic-type": "TrafficType"}
    rows = []
    for record in ec2._flow_logs.values():
        chosen = not wanted or record["FlowLogId"] in wanted
        filtered = all(record.get(fields[name]) in values for name, values in filters.items() if name in fields)
        if chosen and filtered and ec2._resource_matches_tag_filters(record["FlowLogId"], filters):
            rows.append({**record, "Tags": ec2._tags.get(record["FlowLogId"], [])})
    return {"FlowLogs": rows}


ACTIONS: Mapping[str, Callable[[Parameters], dict[str, Any]]] = {
    "CreateFlowLogs": _create_flow_logs,
    "DescribeFlowLogs": _describe_flow_logs,
}
