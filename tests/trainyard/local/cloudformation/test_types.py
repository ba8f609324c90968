"""Every resource type: deployed, read back, updated, replaced, deleted; what is not applied or not there is refused."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.readback import Verdict
from trainyard.local.readback.readers import READERS, Deployed

ROOT = "arn:aws:iam::123456789012:root"
CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/aaaaaaaaaaa"


def policy(action: str = "s3:GetObject", resource: str | dict = "*", **more: Any) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}],
    }


def trust(service: str) -> dict:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def key(*services: str) -> dict:
    statements = [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}]
    statements += [
        {"Effect": "Allow", "Principal": {"Service": name}, "Action": "kms:Encrypt*", "Resource": "*"}
        for name in services
    ]
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": statements}}}


def ref(name: str) -> dict:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict:
    return {"Fn::GetAtt": [name, attribute]}


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
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {"AssumeRolePolicyDocument": trust("vpc-flow-logs.amazonaws.com")},
}
BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"
JOBS = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com")}}


def definition(message: str) -> dict:
    """A pipeline of one step."""
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return {"PipelineDefinitionBody": json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]})}


def model() -> dict:
    """A model; the bucket beside it holds its data."""
    data = {"Fn::Sub": "s3://${Bucket}/model.tar.gz"}
    return {
        "ExecutionRoleArn": att("Jobs", "Arn"),
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": data, "Environment": {"LEVEL": "1"}},
    }


def variant(**more: Any) -> dict:
    return {
        "VariantName": "live",
        "ModelName": att("Model", "ModelName"),
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": "1",
        **more,
    }


MODEL = {"Type": "AWS::SageMaker::Model", "Properties": model()}
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
                "action": {"type": "expire"},
            }
        ]
    }
)
TAGS = [{"Key": "team", "Value": "models"}, {"Key": "cost", "Value": "1"}]
RETAGGED = [{"Key": "team", "Value": "inference"}]


@dataclass(frozen=True)
class Case:
    """One type. The subject of the template is the resource `It`."""

    type: str
    properties: dict
    beside: dict = field(default_factory=dict)
    update: dict | None = None
    """Properties that change in place; None takes one away."""
    replace: dict | None = None
    """Properties whose change makes a new resource."""
    refused: dict | None = None
    """A property that the cloud does not apply."""
    refused_path: str = ""
    wrong: dict | None = None
    """A reference to something that does not exist."""
    wrong_says: str = ""

    def template(self, change: dict | None = None) -> dict:
        properties = copy.deepcopy(self.properties) | (change or {})
        properties = {name: value for name, value in properties.items() if value is not None}
        it = {"Type": self.type, "Properties": properties}
        return {"Resources": {**self.beside, "It": it}, "Outputs": {"It": {"Value": ref("It")}}}


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
        {"Vpc": VPC, "Group": {"Type": "AWS::Logs::LogGroup"}, "Role": ROLE},
        update={"Tags": RETAGGED},
        replace={"TrafficType": "REJECT"},
        refused={"DestinationOptions": {"FileFormat": "parquet"}},
        refused_path="DestinationOptions",
        wrong={"LogGroupName": "/not/there"},
        wrong_says="the log group /not/there does not exist",
    ),
    Case(
        "AWS::KMS::Key",
        {
            **key()["Properties"],
            "Description": "data",
            "EnableKeyRotation": "true",
            "RotationPeriodInDays": 180,
            "PendingWindowInDays": 7,
            "Tags": TAGS,
        },
        update={
            **key("logs.us-east-1.amazonaws.com")["Properties"],
            "EnableKeyRotation": False,
            "RotationPeriodInDays": None,
            "Description": None,
            "Tags": RETAGGED,
        },
        refused={"BypassPolicyLockoutSafetyCheck": True},
        refused_path="BypassPolicyLockoutSafetyCheck",
        wrong={"PendingWindowInDays": 3},
        wrong_says="between 7 and 30",
    ),
    Case(
        "AWS::KMS::Alias",
        {"AliasName": "alias/it", "TargetKeyId": att("Key", "Arn")},
        {"Key": key(), "Other": key()},
        update={"TargetKeyId": ref("Other")},
        replace={"AliasName": "alias/it-too"},
        wrong={"TargetKeyId": "00000000-0000-0000-0000-000000000000"},
        wrong_says="00000000-0000-0000-0000-000000000000",
    ),
    Case(
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": att("Key", "Arn"),
                        },
                    }
                ]
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "uploads",
                        "Status": "Enabled",
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    },
                    {
                        "Id": "old",
                        "Status": "Enabled",
                        "Prefix": "checkpoints/",
                        "ExpirationInDays": "30",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
                        "Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 1}],
                    },
                    {
                        "Id": "tagged",
                        "Status": "Disabled",
                        "Prefix": "a/",
                        "TagFilters": [{"Key": "k", "Value": "v"}],
                        "ObjectSizeGreaterThan": "1024",
                        "ExpirationInDays": 2,
                    },
                ]
            },
            "LoggingConfiguration": {"DestinationBucketName": ref("Logs"), "LogFilePrefix": "it/"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "IgnorePublicAcls": "true"},
            "VersioningConfiguration": {"Status": "Enabled"},
            "Tags": TAGS,
        },
        {"Key": key(), "Logs": BUCKET},
        update={
            "BucketEncryption": None,
            "LifecycleConfiguration": {
                "Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 7}],
            },
            "LoggingConfiguration": None,
            "VersioningConfiguration": {"Status": "Suspended"},
            "Tags": RETAGGED,
        },
        replace={"BucketName": "it-under-another-name"},
        refused={"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationDate": "2030-01-01"}]}},
        refused_path="LifecycleConfiguration.Rules.ExpirationDate",
        wrong={"LoggingConfiguration": {"DestinationBucketName": "not-there"}},
        wrong_says="the bucket not-there does not exist",
    ),
    Case(
        "AWS::S3::BucketPolicy",
        {"Bucket": ref("Bucket"), "PolicyDocument": policy(resource={"Fn::Sub": "${Bucket.Arn}/*"}, Principal="*")},
        {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"PublicAccessBlockConfiguration": {}}}, "Other": BUCKET},
        update={"PolicyDocument": policy("s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/*"}, Principal={"AWS": ROOT})},
        wrong={"Bucket": "not-there"},
        wrong_says="The specified bucket does not exist",
    ),
    Case(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com"),
            "Description": "jobs",
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", ref("Managed")],
            "MaxSessionDuration": "7200",
            "PermissionsBoundary": ref("Managed"),
            "Policies": [{"PolicyName": "one", "PolicyDocument": policy()}],
            "Tags": TAGS,
        },
        {"Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy("s3:*")}}},
        update={
            "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
            "Description": None,
            "ManagedPolicyArns": [ref("Managed")],
            "MaxSessionDuration": None,
            "PermissionsBoundary": None,
            "Policies": [{"PolicyName": "two", "PolicyDocument": policy("s3:PutObject")}],
            "Tags": RETAGGED,
        },
        replace={"Path": "/jobs/"},
        wrong={"ManagedPolicyArns": ["arn:aws:iam::aws:policy/NoSuchPolicy"]},
        wrong_says="NoSuchPolicy",
    ),
    Case(
        "AWS::IAM::Policy",
        {"PolicyName": "it", "PolicyDocument": policy(), "Roles": [ref("Role")]},
        {"Role": ROLE, "Other": ROLE},
        update={"PolicyDocument": policy("s3:PutObject"), "Roles": [ref("Other")]},
        wrong={"Roles": ["not-there"]},
        wrong_says="not-there",
    ),
    Case(
        "AWS::IAM::ManagedPolicy",
        {"PolicyDocument": policy(), "Roles": [ref("Role")]},
        {"Role": ROLE, "Other": ROLE},
        update={"PolicyDocument": policy("s3:PutObject"), "Roles": [ref("Other")]},
        replace={"Description": "another"},
        wrong={"Roles": ["not-there"]},
        wrong_says="not-there",
    ),
    Case(
        "AWS::Logs::LogGroup",
        {"RetentionInDays": 30, "KmsKeyId": att("Key", "Arn"), "Tags": TAGS},
        {"Key": key("logs.us-east-1.amazonaws.com"), "Other": key()},
        update={"RetentionInDays": "7", "KmsKeyId": None, "Tags": RETAGGED},
        replace={"LogGroupName": "/it/under/another/name"},
        refused={"DataProtectionPolicy": {"Name": "x"}},
        refused_path="DataProtectionPolicy",
        wrong={"KmsKeyId": att("Other", "Arn")},
        wrong_says="does not let logs.us-east-1.amazonaws.com use it",
    ),
    Case(
        "AWS::SSM::Parameter",
        {"Name": "/it", "Type": "String", "Value": "1", "Description": "one", "Tags": {"team": "models"}},
        update={"Value": "2", "Tags": {"cost": "2"}},
        replace={"Name": "/it/too"},
        refused={"Policies": "[]"},
        refused_path="Policies",
        wrong={"Type": "SecureString"},
        wrong_says="String or StringList",
    ),
    Case(
        "AWS::SageMaker::Pipeline",
        {
            "PipelineName": "it",
            "PipelineDescription": "stops",
            "PipelineDefinition": definition("one"),
            "RoleArn": att("Jobs", "Arn"),
            "ParallelismConfiguration": {"MaxParallelExecutionSteps": "2"},
            "Tags": TAGS,
        },
        {"Jobs": JOBS},
        update={
            "PipelineDefinition": definition("two"),
            "PipelineDescription": "stops at once",
            "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3},
            "Tags": RETAGGED,
        },
        replace={"PipelineName": "it-too"},
        wrong={"RoleArn": "arn:aws:iam::123456789012:role/not-there"},
        wrong_says="not-there",
    ),
    Case(
        "AWS::SageMaker::ModelPackageGroup",
        {"ModelPackageGroupName": "it", "ModelPackageGroupDescription": "models", "Tags": TAGS},
        update={"Tags": RETAGGED},
        replace={"ModelPackageGroupName": "it-too"},
        refused={"ModelPackageGroupPolicy": policy("sagemaker:*")},
        refused_path="ModelPackageGroupPolicy",
        wrong={"ModelPackageGroupName": "not a name"},
        wrong_says="not a name",
    ),
    Case(
        "AWS::SageMaker::ClusterSchedulerConfig",
        {
            "Name": "it",
            "ClusterArn": f"{CLUSTER}0",
            "SchedulerConfig": {"FairShare": "Enabled", "PriorityClasses": [{"Name": "inference", "Weight": "90"}]},
            "Tags": TAGS,
        },
        update={"SchedulerConfig": {"FairShare": "Disabled"}, "Description": "none borrows", "Tags": RETAGGED},
        replace={"Name": "it-too"},
        wrong={"ClusterArn": "arn:aws:sagemaker:us-east-1:111111111111:cluster/aaaaaaaaaaa0"},
        wrong_says="not in this account",
    ),
    Case(
        "AWS::SageMaker::Model",
        {**model(), "EnableNetworkIsolation": "false", "Tags": TAGS},
        {"Jobs": JOBS, "Bucket": BUCKET},
        update={"Tags": RETAGGED},
        replace={"EnableNetworkIsolation": True},
        wrong={"ExecutionRoleArn": "arn:aws:iam::123456789012:role/not-there"},
        wrong_says="not-there",
    ),
    Case(
        "AWS::SageMaker::EndpointConfig",
        {"ProductionVariants": [variant(InitialVariantWeight="0.5")], "Tags": TAGS},
        {"Jobs": JOBS, "Bucket": BUCKET, "Model": MODEL},
        update={"Tags": RETAGGED},
        replace={"ProductionVariants": [variant(InitialInstanceCount=2)]},
        refused={"ProductionVariants": [variant(InferenceAmiVersion="al2-ami-sagemaker-inference-gpu-2")]},
        refused_path="ProductionVariants.InferenceAmiVersion",
        wrong={"ProductionVariants": [variant(ModelName="not-there")]},
        wrong_says="not-there",
    ),
    Case(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "Invocations",
            "Namespace": "AWS/SageMaker",
            "Statistic": "Sum",
            "Period": "60",
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "LessThanThreshold",
            "ActionsEnabled": "false",
            "Tags": TAGS,
        },
        update={"Threshold": "2.5", "ActionsEnabled": None, "Period": 300, "Tags": RETAGGED},
        replace={"AlarmName": "it"},
        refused={"Metrics": [{"Id": "m1", "Expression": "1 + 1"}]},
        refused_path="Metrics",
        wrong={"ComparisonOperator": "GreaterThanUpperThreshold"},
        wrong_says="ComparisonOperator",
    ),
    Case(
        "AWS::SNS::Topic",
        {"DisplayName": "it", "KmsMasterKeyId": att("Key", "KeyId"), "Tags": TAGS},
        {"Key": key("sns.amazonaws.com"), "Other": key("sns.amazonaws.com")},
        update={"DisplayName": None, "KmsMasterKeyId": att("Other", "KeyId"), "Tags": RETAGGED},
        replace={"TopicName": "it"},
        refused={"ContentBasedDeduplication": True},
        refused_path="ContentBasedDeduplication",
        wrong={"KmsMasterKeyId": "not-there"},
        wrong_says="not-there",
    ),
    Case(
        "AWS::Events::Rule",
        {"ScheduleExpression": "rate(5 minutes)", "State": "DISABLED", "Description": "it", "Tags": TAGS},
        update={"State": None, "Description": None, "ScheduleExpression": "rate(1 hour)", "Tags": RETAGGED},
        replace={"Name": "it"},
        refused={"Targets": [{"Id": "a", "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/c", "EcsParameters": {}}]},
        refused_path="Targets.EcsParameters",
        wrong={"ScheduleExpression": "every day"},
        wrong_says="ScheduleExpression",
    ),
    Case(
        "AWS::ECR::Repository",
        {
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "ImageTagMutability": "IMMUTABLE",
            "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
            "RepositoryPolicyText": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ecr:*"}],
            },
            "EmptyOnDelete": True,
            "Tags": TAGS,
        },
        update={"ImageTagMutability": "MUTABLE", "LifecyclePolicy": None, "Tags": RETAGGED},
        replace={"RepositoryName": "it/too"},
        refused={"ImageTagMutabilityExclusionFilters": []},
        refused_path="ImageTagMutabilityExclusionFilters",
        wrong={"EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": "00000000-0000-0000-0000-000000000000"}},
        wrong_says="00000000-0000-0000-0000-000000000000",
    ),
]


def named(case: Case) -> str:
    return case.type.removeprefix("AWS::")


def different(stack: Any) -> list[str]:
    return [str(finding) for finding in stack.read_back().of(Verdict.DIFFERS)]


def is_there(client: Any, case: Case, physical_id: str, properties: dict) -> bool:
    """Whether the service still shows the resource; a key shows that it is to be deleted."""

    class Session:
        def client(self, service: str) -> Any:
            return client(service)

    deployed = Deployed(clients=Session(), physical_id=physical_id, properties=properties)
    try:
        found = READERS[case.type].read(deployed)
    except (ClientError, IndexError):
        return False
    return bool(found) and found.get("Enabled", True)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_deploys_as_written_and_leaves_nothing(case: Case, stack: Any, client: Any) -> None:
    stack.deploy(case.template())
    assert different(stack) == []
    physical_id = stack.physical_id("It")
    resolved = {"GroupId": "sg-0", "Bucket": physical_id, "PolicyName": "it", "Roles": [], "TargetKeyId": ""}
    stack.delete()
    assert not is_there(client, case, physical_id, resolved)


@pytest.mark.parametrize("case", [case for case in CASES if case.update], ids=named)
def test_a_change_is_applied_in_place_and_a_removed_property_is_its_default_again(case: Case, stack: Any) -> None:
    stack.deploy(case.template())
    before = stack.physical_id("It")
    stack.deploy(case.template(case.update))
    assert different(stack) == []
    assert stack.physical_id("It") == before


@pytest.mark.parametrize("case", [case for case in CASES if case.replace], ids=named)
def test_a_create_only_property_replaces_the_resource(case: Case, stack: Any, client: Any) -> None:
    stack.deploy(case.template())
    before = stack.physical_id("It")
    stack.deploy(case.template(case.replace))
    assert different(stack) == []
    after = stack.physical_id("It")
    assert after != before
    # A rule is not known by its id but by what it says: its group's read-back above has missed nothing.
    if not case.type.startswith(("AWS::EC2::SecurityGroupI", "AWS::EC2::SecurityGroupE")):
        assert not is_there(client, case, before, {"TargetKeyId": ""})


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=named)
def test_a_property_that_is_not_applied_fails_the_deploy_by_name(case: Case, stack: Any, failed: Any) -> None:
    with pytest.raises(failed) as caught:
        stack.deploy(case.template(case.refused))
    assert f"It ({case.type}): the local cloud does not apply {case.refused_path}" in str(caught.value)


@pytest.mark.parametrize("case", [case for case in CASES if case.wrong], ids=named)
def test_what_does_not_exist_or_cannot_be_fails_the_deploy_in_one_line(case: Case, stack: Any, failed: Any) -> None:
    with pytest.raises(failed) as caught:
        stack.deploy(case.template(case.wrong))
    message = str(caught.value)
    assert f"It ({case.type})" in message
    assert case.wrong_says in message
    assert "\n" not in message
