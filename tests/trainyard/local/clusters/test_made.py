"""Clusters whose nodes are real: namespaces that run their lifecycle scripts, fail, are replaced, and leave nothing."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ports import free_port

from tests.trainyard.local.cloudformation.conftest import Stack, StackFailed
from tests.trainyard.local.conftest import new_client, policy
from trainyard.local.cloud import Cloud
from trainyard.local.clusters.node import available
from trainyard.local.processes import descendants

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(available()), reason=f"nodes are namespaces: {available()}")]

GOOD = "#!/bin/bash\nset -e\ncat /opt/ml/config/resource_config.json > /root/seen\necho $(hostname) >> /fsx/made\n"
HANGS = "echo waiting for ever\nsleep 1000 & wait\n"
FAILS = "exit_early() { exit 65; }\necho 'lifecycle: step mount-shared failed'\nexit_early\necho never\n"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Its minute is 50 ms: a lifecycle has 3 s."""
    found = Cloud(tmp_path_factory.mktemp("cloud"), free_port(), options=("--minute-seconds", "0.05"))
    found.up()
    client = new_client(found, "s3")
    client.create_bucket(Bucket="sagemaker-scripts")
    for name, text in (("good", GOOD), ("hangs", HANGS), ("fails", FAILS)):
        client.put_object(Bucket="sagemaker-scripts", Key=f"{name}/on_create.sh", Body=text.encode())
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    rights = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "logs:*"], "Resource": "*"}
    iam = new_client(found, "iam")
    for role, statements in (("nodes", [rights]), ("nothing", [])):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))
        if statements:
            iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(*statements))
    yield found
    found.down()


@pytest.fixture(scope="module")
def client(cloud: Cloud) -> Callable[[str], Any]:
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            made[service] = new_client(cloud, service)
        return made[service]

    return get


def group(scripts: str = "good", count: int = 2, role: str = "nodes", name: str = "workers") -> dict[str, Any]:
    return {
        "InstanceGroupName": name,
        "InstanceCount": count,
        "InstanceType": "ml.c5.xlarge",
        "ExecutionRole": f"arn:aws:iam::123456789012:role/{role}",
        "LifeCycleConfig": {"SourceS3Uri": f"s3://sagemaker-scripts/{scripts}/", "OnCreate": "on_create.sh"},
    }


def until(reached: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def names(api: Any) -> list[str]:
    return [row["ClusterName"] for row in api.list_clusters()["ClusterSummaries"]]


def processes(cloud: Cloud) -> set[str]:
    """Names of what the cloud has started."""
    pid = int((cloud.state / "server.pid").read_text().split()[0])
    found = set()
    for child in descendants(pid):
        try:
            found.add(Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_a_node_that_loses_its_power_is_replaced_and_a_deleted_cluster_leaves_nothing(
    cloud: Cloud, client: Callable[[str], Any]
) -> None:
    api = client("sagemaker")
    before = processes(cloud)
    arn = api.create_cluster(ClusterName="heals", InstanceGroups=[group()])["ClusterArn"]
    queue = client("sqs").create_queue(QueueName="health")["QueueUrl"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker HyperPod Cluster Node Health Event"],
               "resources": [arn], "detail": {"HealthSummary": {"HealthStatus": ["Unhealthy"]}}}  # fmt: skip
    client("events").put_rule(Name="health", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:health"}
    client("events").put_targets(Rule="health", Targets=[target])
    until(lambda: api.describe_cluster(ClusterName="heals")["ClusterStatus"] == "InService")

    def nodes() -> dict[str, str]:
        rows = api.list_cluster_nodes(ClusterName="heals")["ClusterNodeSummaries"]
        return {row["InstanceId"]: row["InstanceStatus"]["Status"] for row in rows}

    lost, kept = nodes()
    hosts = cloud.call("RunNodeCommand", ClusterName="heals", Node=kept, Command=["sort", "/fsx/made"])["Output"]
    assert len(set(hosts.split())) == 2
    cloud.call("InjectFault", Kind="NodeLoss", ClusterName="heals", Node=lost)
    until(lambda: lost not in nodes() and set(nodes().values()) == {"Running"})
    new = next(node for node in nodes() if node != kept)
    [heard] = until(lambda: client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    assert json.loads(heard["Body"])["detail"]["InstanceId"] == lost
    made = cloud.call("RunNodeCommand", ClusterName="heals", Node=kept, Command=["cat", "/fsx/made"])["Output"].split()
    assert len(made) == 3
    assert made[2] in made[:2]
    # Its disk is another one, and every node knows the new instance.
    seen = cloud.call("RunNodeCommand", ClusterName="heals", Node=new, Command=["cat", "/root/seen"])["Output"]
    told = cloud.call("RunNodeCommand", ClusterName="heals", Node=kept,
                      Command=["cat", "/opt/ml/config/resource_config.json"])["Output"]  # fmt: skip
    assert json.loads(seen) == json.loads(told)
    assert new in told
    assert lost not in told
    api.delete_cluster(ClusterName=arn)
    until(lambda: "heals" not in names(api))
    until(lambda: processes(cloud) <= before)
    assert not list((cloud.state / "clusters").iterdir())


def test_policies_name_a_cluster_by_its_id_and_the_roles_that_it_passes(
    cloud: Cloud, client: Callable[[str], Any]
) -> None:
    api, iam = client("sagemaker"), client("iam")
    arn = api.create_cluster(ClusterName="named", InstanceGroups=[group(count=0)])["ClusterArn"]
    made = iam.create_user(UserName="watcher")["User"]["UserName"]
    key = iam.create_access_key(UserName=made)["AccessKey"]
    rights = [
        {"Effect": "Allow", "Action": ["sagemaker:ListClusterNodes", "sagemaker:DescribeCluster"], "Resource": arn},
        {"Effect": "Allow", "Action": "sagemaker:UpdateCluster", "Resource": "*"},
    ]
    iam.put_user_policy(UserName=made, PolicyName="p", PolicyDocument=policy(*rights))
    theirs = new_client(
        cloud, "sagemaker", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    assert theirs.list_cluster_nodes(ClusterName="named")["ClusterNodeSummaries"] == []
    for name in ("other", "arn:aws:sagemaker:us-east-1:123456789012:cluster/000000000000"):
        with pytest.raises(ClientError, match="AccessDenied"):
            theirs.describe_cluster(ClusterName=name)
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/nodes"):
        theirs.update_cluster(ClusterName="named", InstanceGroups=[group(count=1)])
    api.delete_cluster(ClusterName="named")
    until(lambda: "named" not in names(api))


@pytest.mark.parametrize(
    ("scripts", "role", "said", "logged"),
    [
        ("fails", "nodes", "exit code 65; its log ends with 'lifecycle: step mount-shared failed", "step mount-shared"),
        ("hangs", "nodes", "no end within 3 s: ended", "waiting for ever"),
        ("good", "nothing", "AccessDenied (403): the role arn:aws:iam::123456789012:role/nothing", ""),
    ],
)
def test_a_lifecycle_that_does_not_end_well_is_told_and_leaves_no_node(
    cloud: Cloud, client: Callable[[str], Any], scripts: str, role: str, said: str, logged: str
) -> None:
    api = client("sagemaker")
    arn = api.create_cluster(ClusterName="fails", InstanceGroups=[group(scripts, role=role)])["ClusterArn"]
    found = until(lambda: (c := api.describe_cluster(ClusterName="fails"))["ClusterStatus"] == "Failed" and c)
    assert said in found["FailureMessage"]
    assert found["InstanceGroups"][0]["CurrentCount"] == 0
    assert api.list_cluster_nodes(ClusterName="fails")["ClusterNodeSummaries"] == []
    if logged:
        name = f"/aws/sagemaker/Clusters/fails/{arn.rpartition('/')[2]}"
        streams = [row["logStreamName"] for row in client("logs").describe_log_streams(logGroupName=name)["logStreams"]]
        assert all(stream.startswith("LifecycleConfig/workers/i-") for stream in streams)
        events = client("logs").get_log_events(logGroupName=name, logStreamName=streams[0])["events"]
        assert logged in "\n".join(event["message"] for event in events)
    api.delete_cluster(ClusterName="fails")
    until(lambda: "fails" not in names(api))
    assert not any("sleep 1000" in name for name in processes(cloud))


def test_a_stack_makes_changes_and_deletes_a_cluster(client: Callable[[str], Any], tmp_path: Path) -> None:
    properties = {"ClusterName": "stacked", "InstanceGroups": [group(count=1)], "NodeRecovery": "None",
                  "Tags": [{"Key": "team", "Value": "a"}]}  # fmt: skip
    template = {
        "Resources": {"Cluster": {"Type": "AWS::SageMaker::Cluster", "Properties": properties}},
        "Outputs": {
            "Ref": {"Value": {"Ref": "Cluster"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Cluster", "ClusterArn"]}},
        },
    }
    stack = Stack(client, tmp_path, "stacked")
    outputs = stack.deploy(template)
    assert outputs["Ref"] == outputs["Arn"]
    assert stack.read_back().ok
    changed = copy.deepcopy(template)
    changed["Resources"]["Cluster"]["Properties"] |= {
        "InstanceGroups": [group(count=2), group(count=1, name="more")], "NodeRecovery": "Automatic"}  # fmt: skip
    stack.deploy(changed)
    assert stack.read_back().ok
    broken = copy.deepcopy(changed)
    broken["Resources"]["Cluster"]["Properties"]["InstanceGroups"][1] = group("fails", 1, name="other")
    with pytest.raises(StackFailed, match="step mount-shared failed"):
        stack.deploy(broken)
    assert stack.read_back(changed).ok
    stack.delete()
    assert "stacked" not in names(client("sagemaker"))
