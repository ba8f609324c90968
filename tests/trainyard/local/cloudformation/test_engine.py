"""What a stack promises as a whole: conditions, parameters, references, and failures that leave nothing."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.readback import Verdict


def parameter(value: Any, **more: Any) -> dict:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}, **more}


def output(value: Any, **more: Any) -> dict:
    return {"It": {"Value": value, **more}}


CONDITIONS = {
    "Parameters": {
        "List": {"Type": "CommaDelimitedList", "Default": ""},
        "Size": {"Type": "Number", "Default": "1"},
    },
    "Mappings": {"Sizes": {"us-east-1": {"big": "8"}}},
    "Conditions": {
        "Given": {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "List"}]}]}]},
        "Big": {"Fn::Equals": [{"Ref": "Size"}, {"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "big"]}]},
        "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        "All": {"Fn::And": [{"Condition": "Given"}, {"Condition": "Big"}, {"Condition": "Here"}]},
    },
    "Resources": {
        "Always": parameter({"Fn::If": ["Here", "here", "elsewhere"]}),
        "Given": parameter("given", Condition="Given"),
        "Big": parameter("big", Condition="Big"),
        "All": parameter({"Fn::Select": ["1", {"Ref": "List"}]}, Condition="All"),
    },
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"Always"}),
        ({"List": "a,b"}, {"Always", "Given"}),
        ({"Size": "8"}, {"Always", "Big"}),
        ({"List": "a,b", "Size": "8"}, {"Always", "Given", "Big", "All"}),
    ],
    ids=["defaults", "list", "size", "both"],
)
def test_conditions_see_joins_mappings_and_pseudo_parameters(
    given: dict, expected: set, stack: Any, client: Any
) -> None:
    stack.deploy(CONDITIONS, **given)
    rows = client("cloudformation").list_stack_resources(StackName=stack.name)["StackResourceSummaries"]
    assert {row["LogicalResourceId"] for row in rows} == expected
    assert stack.read_back().ok
    assert stack.read_back().resources == len(expected)


def test_a_parameter_keeps_its_previous_value(stack: Any, client: Any) -> None:
    template = {
        "Parameters": {"Value": {"Type": "String"}},
        "Resources": {"It": parameter({"Ref": "Value"})},
        "Outputs": output({"Fn::GetAtt": ["It", "Value"]}),
    }
    stack.deploy(template, Value="first")
    client("cloudformation").update_stack(
        StackName=stack.name,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Value", "UsePreviousValue": True}],
        Tags=[{"Key": "team", "Value": "models"}],
    )
    assert stack._wait("UPDATE_COMPLETE") == {"It": "first"}
    assert stack.read_back().ok


def test_a_second_deploy_of_the_same_template_changes_nothing(stack: Any) -> None:
    stack.deploy({"Resources": {"It": parameter("1")}})
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stack.deploy({"Resources": {"It": parameter("1")}})


def test_weak_references_and_exports_reach_another_stack(make_stack: Any) -> None:
    first, second = make_stack(), make_stack()
    export = f"export-{uuid.uuid4().hex[:8]}"
    first.deploy({"Resources": {"It": parameter("7")}, "Outputs": output("7", Export={"Name": export})})
    weak = {"Fn::GetStackOutput": {"StackName": first.name, "OutputName": "It"}}
    resources = {"Weak": parameter(weak), "Strong": parameter({"Fn::ImportValue": export})}
    second.deploy({"Resources": resources})
    findings = {(f.logical_id, f.property): f for f in second.read_back().findings}
    assert findings["Weak", "Value"].actual == findings["Strong", "Value"].actual == "7"


def test_a_failed_create_leaves_nothing_of_it(stack: Any, client: Any, failed: Any) -> None:
    name = f"left-{uuid.uuid4().hex[:8]}"
    # The bucket is made before its lifecycle is refused by S3's own rules.
    rules = {"Rules": [{"Id": "none", "Status": "Enabled"}]}
    properties = {"BucketName": name, "LifecycleConfiguration": rules}
    with pytest.raises(failed, match="rule 'none' has no action"):
        stack.deploy({"Resources": {"It": {"Type": "AWS::S3::Bucket", "Properties": properties}}})
    assert name not in [row["Name"] for row in client("s3").list_buckets()["Buckets"]]


def test_a_failed_update_puts_back_what_it_had_changed(stack: Any, failed: Any) -> None:
    before = {"Status": "Enabled", "ExpirationInDays": 5}
    bucket = {"LifecycleConfiguration": {"Rules": [before]}, "VersioningConfiguration": {"Status": "Enabled"}}
    template = {"Resources": {"It": {"Type": "AWS::S3::Bucket", "Properties": bucket}}}
    stack.deploy(template)
    after = {"LifecycleConfiguration": {"Rules": [{"Id": "none", "Status": "Enabled"}]}}
    with pytest.raises(failed, match=r"UPDATE_ROLLBACK_COMPLETE.*has no action"):
        stack.deploy({"Resources": {"It": {"Type": "AWS::S3::Bucket", "Properties": after}}})
    assert [str(f) for f in stack.read_back(template).of(Verdict.DIFFERS)] == []


def test_other_resources_roll_back_when_one_fails(stack: Any, failed: Any) -> None:
    template = {"Resources": {"First": parameter("1"), "Second": parameter("1", DependsOn="First")}}
    stack.deploy(template)
    broken = {"Resources": {"First": parameter("2"), "Second": parameter("2", DependsOn="First")}}
    broken["Resources"]["Second"]["Properties"]["Type"] = "SecureString"
    broken["Resources"]["Second"]["Properties"]["Policies"] = "[]"
    with pytest.raises(failed, match="does not apply Policies"):
        stack.deploy(broken)
    assert stack.read_back(template).ok


def test_a_named_resource_is_not_replaced_under_its_name(stack: Any, failed: Any) -> None:
    name = f"named-{uuid.uuid4().hex[:8]}"

    def group(description: str) -> dict:
        properties = {"GroupName": name, "GroupDescription": description, "VpcId": {"Ref": "Vpc"}}
        vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
        return {"Resources": {"Vpc": vpc, "It": {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}}}

    stack.deploy(group("one"))
    with pytest.raises(failed, match="cannot update a stack when a custom-named resource requires replacing"):
        stack.deploy(group("two"))


def test_a_change_set_says_what_will_be_replaced(stack: Any, client: Any) -> None:
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust("lambda.amazonaws.com")}}
    stack.deploy({"Resources": {"Vpc": vpc, "Role": role}})
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com")}}
    api = client("cloudformation")
    api.create_change_set(
        StackName=stack.name,
        ChangeSetName="it",
        TemplateBody=json.dumps({"Resources": {"Vpc": vpc, "Role": role}}),
        Capabilities=["CAPABILITY_IAM"],
    )
    api.get_waiter("change_set_create_complete").wait(
        StackName=stack.name, ChangeSetName="it", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    changes = api.describe_change_set(StackName=stack.name, ChangeSetName="it")["Changes"]
    found = {row["ResourceChange"]["LogicalResourceId"]: row["ResourceChange"]["Replacement"] for row in changes}
    assert found == {"Vpc": "True", "Role": "False"}


def trust(service: str) -> dict:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"Type": "String"}, r"It \(AWS::SSM::Parameter\): required key \[Value\] not found"),
        ({"Type": "String", "Value": "1", "Vlaue": "2"}, r"extraneous key \[Vlaue\] is not permitted.*Value"),
        ({"Type": "String", "Value": "1", "Arn": "x"}, "Arn is read-only"),
    ],
    ids=["missing", "misspelled", "read-only"],
)
def test_properties_are_held_against_the_schema(properties: dict, says: str, stack: Any, failed: Any) -> None:
    with pytest.raises(failed, match=says):
        stack.deploy({"Resources": {"It": {"Type": "AWS::SSM::Parameter", "Properties": properties}}})


def test_a_retained_bucket_stays_and_its_stack_can_be_made_again(stack: Any, client: Any) -> None:
    template = {"Resources": {"It": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}}}
    stack.deploy(template)
    first = stack.physical_id("It")
    stack.delete()
    stack.deploy(template)
    second = stack.physical_id("It")
    assert second != first
    client("s3").head_bucket(Bucket=first)
    client("s3").delete_bucket(Bucket=first)
    stack.delete()
    client("s3").delete_bucket(Bucket=second)


def test_a_bucket_with_objects_is_not_deleted(stack: Any, client: Any, failed: Any) -> None:
    stack.deploy({"Resources": {"It": {"Type": "AWS::S3::Bucket"}}})
    bucket = stack.physical_id("It")
    client("s3").put_object(Bucket=bucket, Key="x", Body=b"x")
    with pytest.raises(failed, match=r"DELETE_FAILED.*not empty"):
        stack.delete()
    client("s3").delete_object(Bucket=bucket, Key="x")


@pytest.mark.slow
def test_a_gateway_endpoint_routes_through_its_tables(stack: Any, client: Any) -> None:
    endpoint = {
        "VpcId": {"Ref": "Vpc"},
        "ServiceName": "com.amazonaws.us-east-1.s3",
        "VpcEndpointType": "Gateway",
        "RouteTableIds": [{"Ref": "Table"}],
    }
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
        "It": {"Type": "AWS::EC2::VPCEndpoint", "Properties": endpoint},
    }

    def routed() -> list[str]:
        ids = [stack.physical_id("Table")]
        routes = client("ec2").describe_route_tables(RouteTableIds=ids)["RouteTables"][0]["Routes"]
        return [row["GatewayId"] for row in routes if "DestinationPrefixListId" in row]

    stack.deploy({"Resources": resources})
    assert routed() == [stack.physical_id("It")]
    stack.deploy({"Resources": {name: resources[name] for name in ("Vpc", "Table")}})
    assert routed() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"SubnetIds": ["subnet-1"]}, "takes route tables"),
        ({"PrivateDnsEnabled": True}, "no interface endpoint"),
        ({"ServiceName": "com.amazonaws.us-east-1.sts"}, "does not exist"),
        ({"ServiceName": "com.amazonaws.eu-west-1.s3"}, "does not exist"),
        ({"VpcEndpointType": "Interface", "PrivateDnsEnabled": True}, "enableDnsHostnames"),
    ],
    ids=["subnets", "private DNS", "no gateway service", "other region", "DNS of the VPC"],
)
def test_ec2_rules_of_endpoints_hold(change: dict, says: str, stack: Any, failed: Any) -> None:
    properties = {
        "VpcId": {"Ref": "Vpc"},
        "ServiceName": "com.amazonaws.us-east-1.s3",
        "VpcEndpointType": "Gateway",
        **change,
    }
    if "SubnetIds" in change:
        properties["SubnetIds"] = [{"Ref": "Subnet"}]
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
        "It": {"Type": "AWS::EC2::VPCEndpoint", "Properties": properties},
    }
    with pytest.raises(failed, match=says):
        stack.deploy({"Resources": resources})


@pytest.mark.parametrize(
    ("block", "says"),
    [("10.0.0.0/25", "overlaps"), ("10.9.0.0/24", "inside its VPC"), ("10.0.1.0/29", "/16 to /28")],
)
def test_subnets_fit_their_vpc(block: str, says: str, stack: Any, failed: Any) -> None:
    def subnet(cidr: str) -> dict:
        properties = {"VpcId": {"Ref": "Vpc"}, "CidrBlock": cidr}
        return {"Type": "AWS::EC2::Subnet", "Properties": properties, "DependsOn": "Vpc"}

    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    with pytest.raises(failed, match=says):
        stack.deploy({"Resources": {"Vpc": vpc, "First": subnet("10.0.0.0/24"), "It": subnet(block)}})


def test_a_policy_of_awss_own_that_the_cloud_has_not_got_says_the_way_out(stack: Any, failed: Any) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    properties = {"AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com"), "ManagedPolicyArns": [arn]}
    with pytest.raises(failed, match=rf"{arn}: the local cloud has no such policy of AWS's\. Write one of your own"):
        stack.deploy({"Resources": {"It": {"Type": "AWS::IAM::Role", "Properties": properties}}})


def test_objects_take_the_accounts_own_key_where_none_is_named(bucket: str, client: Any) -> None:
    client("s3").put_object(Bucket=bucket, Key="x", Body=b"x", ServerSideEncryption="aws:kms")
    found = client("s3").get_object(Bucket=bucket, Key="x")
    assert found["Body"].read() == b"x"
    assert found["ServerSideEncryption"] == "aws:kms"
