"""The network's template."""

import json

import pytest
from synthesis import assembly, resources, template


@pytest.fixture(scope="module")
def network() -> dict:
    return template("Prod", "Network")


def test_it_is_closed(network: dict) -> None:
    for kind in ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::EIP"):
        assert resources(network, kind) == {}
    subnets = resources(network, "AWS::EC2::Subnet").values()
    assert [subnet["Properties"]["MapPublicIpOnLaunch"] for subnet in subnets] == [False] * 4


def test_every_zone_has_a_subnet_for_all_nodes(network: dict) -> None:
    *subnets, cluster = [entry["Properties"] for entry in resources(network, "AWS::EC2::Subnet").values()]
    assert [subnet["AvailabilityZone"] for subnet in subnets] == ["us-east-1a", "us-east-1b", "us-east-1d"]
    # 64 EFA nodes of 5 addresses, twice, 15 endpoints, 2 of the database, 5 of AWS: 662, so a /22.
    assert [subnet["CidrBlock"] for subnet in subnets] == ["10.32.0.0/22", "10.32.4.0/22", "10.32.8.0/22"]
    assert (cluster["AvailabilityZone"], cluster["CidrBlock"]) == ("us-east-1b", "10.33.0.0/21")


def test_nodes_talk_to_each_other_by_the_groups_own_id(network: dict) -> None:
    ((group, entry),) = (
        (name, entry) for name, entry in resources(network, "AWS::EC2::SecurityGroup").items() if "Nodes" in name
    )
    own = {"Fn::GetAtt": [group, "GroupId"]}
    ((_, incoming),) = resources(network, "AWS::EC2::SecurityGroupIngress").items()
    ((_, outgoing),) = resources(network, "AWS::EC2::SecurityGroupEgress").items()
    assert incoming["Properties"] | {"Description": ""} == {
        "GroupId": own, "SourceSecurityGroupId": own, "IpProtocol": "-1", "Description": "",
    }  # fmt: skip
    assert outgoing["Properties"] | {"Description": ""} == {
        "GroupId": own, "DestinationSecurityGroupId": own, "IpProtocol": "-1", "Description": "",
    }  # fmt: skip
    (rest,) = entry["Properties"]["SecurityGroupEgress"]
    assert (rest["CidrIp"], rest["IpProtocol"]) == ("0.0.0.0/0", "-1")


def test_the_services_that_jobs_and_nodes_need_have_endpoints(network: dict) -> None:
    endpoints = [entry["Properties"] for entry in resources(network, "AWS::EC2::VPCEndpoint").values()]
    interfaces = [endpoint for endpoint in endpoints if endpoint["VpcEndpointType"] == "Interface"]
    names = {endpoint["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for endpoint in interfaces}
    jobs = {"sagemaker.api", "sagemaker.runtime", "sts", "logs", "monitoring", "ecr.api", "ecr.dkr", "kms"}
    assert names == jobs | {"ssm", "ssmmessages", "ec2messages", "ec2", "secretsmanager", "fsx", "aps-workspaces"}
    assert all(endpoint["PrivateDnsEnabled"] is True for endpoint in interfaces)


def test_endpoints_take_https_from_the_network_only(network: dict) -> None:
    (group,) = (
        entry["Properties"]
        for name, entry in resources(network, "AWS::EC2::SecurityGroup").items()
        if "EndpointGroup" in name
    )
    rules = [(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupIngress"]]
    assert rules == [("10.32.0.0/20", 443, 443), ("10.33.0.0/21", 443, 443)]


def test_all_traffic_is_logged_under_a_key_that_only_the_logs_of_the_account_use(network: dict) -> None:
    ((_, log),) = resources(network, "AWS::EC2::FlowLog").items()
    assert log["Properties"]["TrafficType"] == "ALL"
    ((_, group),) = resources(network, "AWS::Logs::LogGroup").items()
    assert group["Properties"]["RetentionInDays"] == 365
    ((key, entry),) = resources(network, "AWS::KMS::Key").items()
    assert group["Properties"]["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    assert entry["Properties"]["EnableKeyRotation"] is True
    service = entry["Properties"]["KeyPolicy"]["Statement"][1]
    assert service["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    assert service["Condition"]["ArnLike"] == {
        "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:222222222222:log-group:*"
    }


def test_no_stack_carries_a_lambda_but_what_has_no_cloudformation_type() -> None:
    for path in assembly().rglob("*.template.json"):
        found = resources(json.loads(path.read_text()), "AWS::Lambda::Function")
        assert not found or "Governance" in path.name, path.name
