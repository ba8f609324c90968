"""Networks and what runs through them."""

from __future__ import annotations

from .cases import RETAGGED, TAGS, Case, att, policy, ref, trust

VPC = {
    "Type": "AWS::EC2::VPC",
    "Properties": {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True},
}
SUBNET = {
    "Type": "AWS::EC2::Subnet",
    "Properties": {"VpcId": ref("Vpc"), "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"},
}
TABLE = {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("Vpc")}}
GATEWAY = {"Type": "AWS::EC2::InternetGateway"}
GROUP = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "nodes", "VpcId": ref("Vpc")}}
FLOW_LOGS = {
    "Type": "AWS::IAM::Role",
    "Properties": {"AssumeRolePolicyDocument": trust("vpc-flow-logs.amazonaws.com")},
}

CASES = [
    Case(
        "AWS::EC2::VPC",
        {**VPC["Properties"], "Tags": TAGS},
        update={"EnableDnsHostnames": "false", "Tags": RETAGGED},
        replace={"CidrBlock": "10.1.0.0/16"},
        refused={"VpcEncryptionControl": {"Mode": "monitor"}},
        refused_path="VpcEncryptionControl",
        wrong={"CidrBlock": "10.0.0.0/8"},
        wrong_says="between /16 and /28",
    ),
    Case(
        "AWS::EC2::VPCCidrBlock",
        {"VpcId": ref("Vpc"), "CidrBlock": "10.2.0.0/16"},
        {"Vpc": VPC},
        replace={"CidrBlock": "100.64.0.0/20"},
        refused={"AmazonProvidedIpv6CidrBlock": True},
        refused_path="AmazonProvidedIpv6CidrBlock",
        wrong={"CidrBlock": "192.168.0.0/16"},
        wrong_says="The CIDR '192.168.0.0/16' is restricted",
    ),
    Case(
        "AWS::EC2::Subnet",
        {**SUBNET["Properties"], "Tags": TAGS},
        {"Vpc": VPC},
        update={"MapPublicIpOnLaunch": True, "Tags": RETAGGED},
        replace={"CidrBlock": "10.0.2.0/24"},
        refused={"EnableDns64": True},
        refused_path="EnableDns64",
        wrong={"VpcId": "vpc-0123456789abcdef0"},
        wrong_says="vpc-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::RouteTable",
        {"VpcId": ref("Vpc"), "Tags": TAGS},
        {"Vpc": VPC, "Other": VPC},
        update={"Tags": RETAGGED},
        replace={"VpcId": ref("Other")},
        wrong={"VpcId": "vpc-0123456789abcdef0"},
        wrong_says="vpc-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::SubnetRouteTableAssociation",
        {"SubnetId": ref("Subnet"), "RouteTableId": ref("Table")},
        {"Vpc": VPC, "Subnet": SUBNET, "Table": TABLE, "OtherTable": TABLE},
        replace={"RouteTableId": ref("OtherTable")},
        wrong={"SubnetId": "subnet-0123456789abcdef0"},
        wrong_says="subnet-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::Route",
        {"RouteTableId": ref("Table"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ref("Way")},
        {"Vpc": VPC, "Table": TABLE, "Way": GATEWAY, "OtherWay": GATEWAY},
        update={"GatewayId": ref("OtherWay")},
        replace={"DestinationCidrBlock": "192.168.0.0/16"},
        refused={"CoreNetworkArn": "arn:aws:networkmanager::1:core-network/x"},
        refused_path="CoreNetworkArn",
        wrong={"GatewayId": "igw-0123456789abcdef0"},
        wrong_says="igw-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::SecurityGroup",
        {
            **GROUP["Properties"],
            "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "CidrIp": "10.0.0.0/16"}],
            "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "all out"}],
            "Tags": TAGS,
        },
        {"Vpc": VPC},
        update={
            "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 988, "ToPort": 988, "CidrIp": "10.0.0.0/16"}],
            "SecurityGroupEgress": None,
            "Tags": RETAGGED,
        },
        replace={"GroupDescription": "other nodes"},
        refused={"SecurityGroupIngress": [{"IpProtocol": "-1", "SourcePrefixListId": "pl-1"}]},
        refused_path="SecurityGroupIngress.SourcePrefixListId",
        wrong={"SecurityGroupIngress": [{"IpProtocol": "-1", "SourceSecurityGroupId": "sg-0123456789abcdef0"}]},
        wrong_says="sg-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::SecurityGroupIngress",
        {"GroupId": ref("Group"), "IpProtocol": "-1", "SourceSecurityGroupId": ref("Group"), "Description": "self"},
        {"Vpc": VPC, "Group": GROUP},
        update={"Description": "every node to every node"},
        replace={"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9},
        refused={"SourcePrefixListId": "pl-1"},
        refused_path="SourcePrefixListId",
        wrong={"GroupId": "sg-0123456789abcdef0"},
        wrong_says="sg-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::SecurityGroupEgress",
        {"GroupId": ref("Group"), "IpProtocol": "-1", "DestinationSecurityGroupId": ref("Group")},
        {"Vpc": VPC, "Group": GROUP},
        update={"Description": "every node to every node"},
        replace={"IpProtocol": "udp", "FromPort": 1, "ToPort": 9},
        refused={"DestinationPrefixListId": "pl-1"},
        refused_path="DestinationPrefixListId",
        wrong={"DestinationSecurityGroupId": "sg-0123456789abcdef0"},
        wrong_says="sg-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::VPCEndpoint",
        {
            "VpcId": ref("Vpc"),
            "ServiceName": "com.amazonaws.us-east-1.sts",
            "VpcEndpointType": "Interface",
            "SubnetIds": [ref("Subnet")],
            "SecurityGroupIds": [ref("Group")],
            "PrivateDnsEnabled": True,
            "Tags": TAGS,
        },
        {"Vpc": VPC, "Subnet": SUBNET, "Group": GROUP},
        update={
            "PolicyDocument": policy("sts:*", Principal="*"),
            "PrivateDnsEnabled": False,
            "Tags": RETAGGED,
        },
        replace={"ServiceName": "com.amazonaws.us-east-1.logs"},
        refused={"DnsOptions": {"DnsRecordIpType": "ipv4"}},
        refused_path="DnsOptions",
        wrong={"SecurityGroupIds": ["sg-0123456789abcdef0"]},
        wrong_says="sg-0123456789abcdef0",
    ),
    Case(
        "AWS::EC2::FlowLog",
        {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogGroupName": ref("Group"),
            "DeliverLogsPermissionArn": att("Role", "Arn"),
            "MaxAggregationInterval": "60",
            "Tags": TAGS,
        },
        {"Vpc": VPC, "Group": {"Type": "AWS::Logs::LogGroup"}, "Role": FLOW_LOGS},
        update={"Tags": RETAGGED},
        replace={"TrafficType": "REJECT"},
        refused={"DestinationOptions": {"FileFormat": "parquet"}},
        refused_path="DestinationOptions",
        wrong={"LogGroupName": "/not/there"},
        wrong_says="the log group /not/there does not exist",
    ),
]
