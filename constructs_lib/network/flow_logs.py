"""All traffic of a network, logged under a key of its own."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.encryption import let_log_service_use
from constructs_lib.retention import RETENTION, LogDays
from constructs_lib.trust import for_this_account


def add_flow_logs(scope: Construct, vpc: ec2.IVpc, days: LogDays, removal: cdk.RemovalPolicy) -> None:
    """Log what is accepted and what is refused.

    Args:
        scope: The network.
        vpc: Its VPC, made here or imported.
        days: That the log is kept.
        removal: What happens to log and key when the stack goes.
    """
    key = kms.Key(scope, "FlowLogKey", enable_key_rotation=True, removal_policy=removal,
                  description="Flow logs of the network")  # fmt: skip
    let_log_service_use(key)
    group = logs.LogGroup(scope, "FlowLogGroup", retention=RETENTION[days], encryption_key=key,
                          removal_policy=removal)  # fmt: skip
    flow_log = vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
                                traffic_type=ec2.FlowLogTrafficType.ALL)  # fmt: skip
    for_this_account(flow_log.node.find_child("IAMRole"))
