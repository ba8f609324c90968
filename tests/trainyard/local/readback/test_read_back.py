"""A read-back finds what was changed behind CloudFormation's back, and says what it cannot read."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.cloud import Cloud, CloudError
from trainyard.local.readback import Verdict, check_deployment, read_back

pytestmark = pytest.mark.slow  # a stack a test

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
GROUP = {"GroupDescription": "nodes", "VpcId": {"Ref": "Vpc"}}
SELF = {"GroupId": {"Ref": "Group"}, "IpProtocol": "-1", "SourceSecurityGroupId": {"Ref": "Group"}}
BUCKET = {
    "LifecycleConfiguration": {"Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 7}]},
    "VersioningConfiguration": {"Status": "Enabled"},
}
KEY = {
    "KeyPolicy": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    },
    "EnableKeyRotation": True,
    "PendingWindowInDays": 7,
}
TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": BUCKET},
        "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": GROUP},
        "Key": {"Type": "AWS::KMS::Key", "Properties": KEY},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        "Meta": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:x"}},
        "Nodes": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": SELF},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "read", "PolicyDocument": POLICY, "Roles": [{"Ref": "Role"}]},
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    }
}
Change = Callable[[Any, dict[str, str]], None]


@pytest.fixture
def deployed(client: Callable[[str], Any], tmp_path: Path) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """The assembly's folder, the stack's name, and its physical ids."""
    name, api = f"read-{uuid.uuid4().hex[:8]}", client("cloudformation")
    api.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    while api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS":
        time.sleep(0.05)
    rows = api.describe_stack_resources(StackName=name)["StackResources"]
    properties = {"templateFile": "it.json", "stackName": name}
    artifact = {"type": "aws:cloudformation:stack", "properties": properties}
    (tmp_path / "it.json").write_text(json.dumps(TEMPLATE))
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {name: artifact}}))
    yield tmp_path, name, {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}
    api.delete_stack(StackName=name)


class Session:
    """What the read-back needs of a boto3 session."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client


def test_what_nobody_touched_is_the_same_and_what_cannot_be_read_is_said(deployed: Any, client: Any) -> None:
    folder, name, _ = deployed
    result = read_back(folder, [name], Session(client))
    assert result.ok
    assert result.resources == len(TEMPLATE["Resources"])
    unread = {(f.logical_id, f.property): f.reason for f in result.of(Verdict.NOT_READABLE)}
    assert unread == {
        ("Key", "PendingWindowInDays"): "KMS keeps no waiting period before a deletion is scheduled",
        ("Meta", "*"): "it makes nothing in the account: it only carries CDK's usage statistics",
        ("Queue", "*"): "there is no reader for AWS::SQS::Queue",
    }
    assert result.counts == {"same": len(result.findings) - 3, "differs": 0, "not readable": 3}


def _lifecycle(client: Any, ids: dict[str, str]) -> None:
    client("s3").delete_bucket_lifecycle(Bucket=ids["Bucket"])


def _versions(client: Any, ids: dict[str, str]) -> None:
    client("s3").put_bucket_versioning(Bucket=ids["Bucket"], VersioningConfiguration={"Status": "Suspended"})


def _public(client: Any, ids: dict[str, str]) -> None:
    client("s3").delete_public_access_block(Bucket=ids["Bucket"])
    everything = dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False
    )
    client("s3").put_public_access_block(Bucket=ids["Bucket"], PublicAccessBlockConfiguration=everything)


def _rotation(client: Any, ids: dict[str, str]) -> None:
    client("kms").disable_key_rotation(KeyId=ids["Key"])


def _retention(client: Any, ids: dict[str, str]) -> None:
    client("logs").put_retention_policy(logGroupName=ids["Logs"], retentionInDays=30)


def _open(client: Any, ids: dict[str, str]) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client("ec2").authorize_security_group_ingress(GroupId=ids["Group"], IpPermissions=[rule])


def _closed(client: Any, ids: dict[str, str]) -> None:
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": ids["Group"]}]}
    client("ec2").revoke_security_group_ingress(GroupId=ids["Group"], IpPermissions=[rule])


def _wider(client: Any, ids: dict[str, str]) -> None:
    document = json.dumps(POLICY).replace("s3:GetObject", "s3:*")
    client("iam").put_role_policy(RoleName=ids["Role"], PolicyName="read", PolicyDocument=document)


def _more(client: Any, ids: dict[str, str]) -> None:
    client("iam").attach_role_policy(RoleName=ids["Role"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def _inline(client: Any, ids: dict[str, str]) -> None:
    client("iam").put_role_policy(RoleName=ids["Role"], PolicyName="own", PolicyDocument=json.dumps(POLICY))


def _trust(client: Any, ids: dict[str, str]) -> None:
    document = json.dumps(TRUST).replace("sagemaker", "lambda")
    client("iam").update_assume_role_policy(RoleName=ids["Role"], PolicyDocument=document)


def _dns(client: Any, ids: dict[str, str]) -> None:
    client("ec2").modify_vpc_attribute(VpcId=ids["Vpc"], EnableDnsSupport={"Value": False})


def _gone(client: Any, ids: dict[str, str]) -> None:
    client("logs").delete_log_group(logGroupName=ids["Logs"])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_lifecycle, "Bucket LifecycleConfiguration"),
        (_versions, "Bucket VersioningConfiguration.Status"),
        (_public, "Bucket PublicAccessBlockConfiguration.BlockPublicAcls"),
        (_rotation, "Key EnableKeyRotation"),
        (_retention, "Logs RetentionInDays"),
        (_open, "Group SecurityGroupIngress"),
        (_closed, "Nodes IpProtocol"),
        (_wider, "Policy PolicyDocument.Statement"),
        (_more, "Role ManagedPolicyArns"),
        (_inline, "Role Policies"),
        (_trust, "Role AssumeRolePolicyDocument.Statement"),
        (_dns, "Vpc EnableDnsSupport"),
        (_gone, "Logs RetentionInDays"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_what_was_changed_behind_it_differs(
    change: Change, where: str, deployed: Any, client: Any, cloud: Cloud
) -> None:
    folder, name, ids = deployed
    change(client, ids)
    different = read_back(folder, [name], Session(client)).of(Verdict.DIFFERS)
    assert where in [f"{finding.logical_id} {finding.property}" for finding in different]
    assert {finding.logical_id for finding in different} == {where.split(" ")[0]}
    with pytest.raises(CloudError, match=rf"differ from their templates: {name} {where.split(' ')[0]} \("):
        check_deployment(cloud, folder, [name])
    if change is _more:
        arn = "arn:aws:iam::aws:policy/AdministratorAccess"
        client("iam").detach_role_policy(RoleName=ids["Role"], PolicyArn=arn)
    if change is _inline:
        client("iam").delete_role_policy(RoleName=ids["Role"], PolicyName="own")


def test_a_check_says_in_one_line_what_it_compared(deployed: Any, cloud: Cloud) -> None:
    folder, name, _ = deployed
    said = check_deployment(cloud, folder, [name])
    assert said.startswith("10 resources read back: ")
    assert said.endswith("3 not readable (Key.PendingWindowInDays, Metadata.*, Queue.*)")


def test_a_stack_that_is_not_deployed_is_one_error(deployed: Any, cloud: Cloud) -> None:
    folder, name, _ = deployed
    manifest = (folder / "manifest.json").read_text().replace(name, "nowhere")
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(CloudError, match=r"stacks: got 'nowhere', but it is not deployed\. Deploy it first\."):
        check_deployment(cloud, folder, ["nowhere"])
