"""The cloud's state over restarts, graceful and not."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from trainyard.local.cloud import REGION, Cloud, CloudError

TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "kept",
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [TRUST]},
            },
        }
    },
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
}
KEY = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}


def client(cloud: Cloud, service: str) -> Any:
    return boto3.client(service, endpoint_url=cloud.endpoint_url, **KEY)


def _fill(cloud: Cloud) -> None:
    s3 = client(cloud, "s3")
    s3.create_bucket(Bucket="kept-bucket")
    s3.put_bucket_versioning(Bucket="kept-bucket", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"first", b"second"):
        s3.put_object(Bucket="kept-bucket", Key="folder/a", Body=content, Metadata={"who": "me"})
    client(cloud, "logs").create_log_group(logGroupName="/kept")
    client(cloud, "sagemaker").create_model_package_group(ModelPackageGroupName="kept")
    cloudformation = client(cloud, "cloudformation")
    cloudformation.create_stack(
        StackName="kept", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="kept", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )


def _await_snapshot(cloud: Cloud) -> None:
    """Waits until all that has been done until now is in a snapshot."""
    current = cloud.state / "emulator" / "current"
    # The first may have been begun before.
    for number in range(2):
        seen = current.read_text() if current.exists() else ""
        client(cloud, "ssm").put_parameter(Name="touched", Value=str(number), Type="String", Overwrite=True)
        deadline = time.monotonic() + 60
        while not current.exists() or current.read_text() == seen:
            assert time.monotonic() < deadline, "no snapshot within 60 s"
            time.sleep(0.02)


def _read(cloud: Cloud) -> dict[str, Any]:
    s3 = client(cloud, "s3")
    objects = {
        version["VersionId"]: s3.get_object(Bucket="kept-bucket", Key="folder/a", VersionId=version["VersionId"])[
            "Body"
        ].read()
        for version in s3.list_object_versions(Bucket="kept-bucket")["Versions"]
    }
    head = s3.head_object(Bucket="kept-bucket", Key="folder/a", ChecksumMode="ENABLED")
    stack = client(cloud, "cloudformation").describe_stacks(StackName="kept")["Stacks"][0]
    return {
        "objects": objects,
        "head": {name: head[name] for name in ("ETag", "Metadata", "ChecksumCRC32", "VersionId")},
        "stack": (stack["StackStatus"], stack["StackId"], stack["Outputs"]),
        "role": client(cloud, "iam").get_role(RoleName="kept")["Role"],
        "groups": [group["logGroupName"] for group in client(cloud, "logs").describe_log_groups()["logGroups"]],
        "packages": client(cloud, "sagemaker").describe_model_package_group(ModelPackageGroupName="kept")[
            "CreationTime"
        ],
    }


@pytest.mark.slow
def test_up_after_down_shows_the_same(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud("--snapshot-seconds", "3600")
    cloud.up()
    _fill(cloud)
    before = _read(cloud)
    assert sorted(before["objects"].values()) == [b"first", b"second"]
    cloud.down()
    assert cloud.up().stacks == 1
    assert _read(cloud) == before


@pytest.mark.slow
def test_a_kill_loses_no_more_than_a_snapshot_interval(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud("--snapshot-seconds", "0.3")
    pid = cloud.up().pid
    assert pid is not None
    _fill(cloud)
    before = _read(cloud)
    _await_snapshot(cloud)
    # What comes now is lost, or not; what was there is not.
    client(cloud, "logs").create_log_group(logGroupName="/late")
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    assert not cloud.status().running
    cloud.up()
    after = _read(cloud)
    after["groups"] = [name for name in after["groups"] if name != "/late"]
    assert after == before


@pytest.mark.slow
def test_a_state_that_cannot_be_read_is_one_clear_error(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    generation = cloud.state / "emulator" / "00000001"
    generation.mkdir(parents=True)
    (generation.parent / "current").write_text(generation.name)
    (generation / "iam.json").write_text('{"__ministack_format__": 2, "pay')
    with pytest.raises(CloudError, match=r"iam\.json in .* cannot be read .*trainyard local reset"):
        cloud.up()
    (generation / "iam.json").write_text('{"__ministack_format__": 999, "payload": {}}')
    with pytest.raises(CloudError, match=r"iam\.json has format 999"):
        cloud.up()
    # Nothing was overwritten.
    assert "999" in (generation / "iam.json").read_text()
