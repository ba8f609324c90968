"""A stack's cluster with a real Slurm: its lifecycle, a published job, nodes that fail, come, go and are checked.

What training makes of it is in test_slurm.py and test_lab.py: the job here only says where it has been.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

from benchmarks.slurm_cluster import obstacle
from ml_contract.clusters import jobs, places
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.mounts import MountedByHyperPod
from ml_contract.clusters.nodes import NodeType
from ml_contract.clusters.software import Slurm
from tests.trainyard.local.cloudformation.conftest import Stack
from tests.trainyard.local.conftest import new_client, policy
from trainyard.local.cloud import Cloud
from trainyard.operations import clusters, node_faults, submitting
from trainyard.operations.connection import Connection

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(240)]
JOB = "traveller"
# On a node that was still being made it would not find `done`.
SCRIPT = f"""#!/bin/bash
#SBATCH --job-name={JOB}
#SBATCH --nodes=2
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/fsx/runs/{JOB}-%j.log
srun --label bash -c 'test -e {places.DONE} && echo "stay ${{SLURM_RESTART_COUNT:-0}} on a whole node"'
[[ -n $SLURM_RESTART_COUNT ]] || sleep 600
"""
KINDS: dict[str, NodeType] = {"Controller": "controller", "Login": "login", "Compute": "compute"}
# The workers are in a range of their own of the VPC, as those of the environments' clusters.
NETWORK = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.20.0.0/22"}},
    "Range": {"Type": "AWS::EC2::VPCCidrBlock",
              "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.33.0.0/21"}},
    "First": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.20.0.0/25"}},
    "Second": {"Type": "AWS::EC2::Subnet", "DependsOn": "Range",
               "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.33.4.0/28"}},
    "Nodes": {"Type": "AWS::EC2::SecurityGroup",
              "Properties": {"GroupDescription": "nodes", "VpcId": {"Ref": "Vpc"}}},
}  # fmt: skip
GROUPS = {"controller": ("Controller", 1), "login": ("Login", 1), "workers": ("Compute", 2)}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if reason := obstacle():
        pytest.skip(reason)
    found = Cloud(tmp_path_factory.mktemp("cloud"), free_port())
    found.up()
    yield found
    found.down()


@pytest.fixture(scope="module")
def stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A role, a cluster with continuous provisioning and the parameter of a job, whose files are there before."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        return made.setdefault(service, new_client(cloud, service))

    client("s3").create_bucket(Bucket="sagemaker-scripts")
    scripts = Path("cluster_code/lifecycle")
    for file in (file for file in scripts.rglob("*") if file.is_file() and file.suffix != ".pyc"):
        key = f"lifecycle/{file.relative_to(scripts)}"
        client("s3").put_object(Bucket="sagemaker-scripts", Key=key, Body=file.read_bytes())
    told_scripts = LifecycleConfiguration(
        cluster="trainer", slurm=Slurm(daemons="started-before", logins="anyone"),
        mounts=(MountedByHyperPod(path="/fsx"),),
        groups=tuple(NodeGroup(name=name, node_type=KINDS[what[0]], hosts=(Host.of("ml.m5.large", efa=False),))
                     for name, what in GROUPS.items()),
    )  # fmt: skip
    client("s3").put_object(Bucket="sagemaker-scripts", Key="lifecycle/lifecycle.json",
                            Body=told_scripts.to_text().encode())  # fmt: skip
    client("s3").put_object(Bucket="sagemaker-scripts", Key="job.sh", Body=SCRIPT.encode())
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    rights = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "logs:*"], "Resource": "*"}
    published = jobs.PublishedJob(kind="slurm", text="s3://sagemaker-scripts/job.sh", variables={})
    found = Stack(client, tmp_path_factory.mktemp("stack"), "slurm")
    found.deploy({"Resources": {
        **NETWORK,
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": json.loads(policy(trust)),
            "Policies": [{"PolicyName": "p", "PolicyDocument": json.loads(policy(rights))}]}},
        "Cluster": {"Type": "AWS::SageMaker::Cluster", "Properties": {
            "ClusterName": "trainer", "NodeProvisioningMode": "Continuous", "NodeRecovery": "Automatic",
            "Orchestrator": {"Slurm": {}}, "VpcConfig": _in("First"),
            "InstanceGroups": [_group(name, *what) for name, what in GROUPS.items()]}},
        "Job": {"Type": "AWS::SSM::Parameter", "Properties": {
            "Type": "String", "Name": jobs.parameter("local", "trainer", JOB), "Value": published.dump()}},
    }})  # fmt: skip
    assert found.read_back().ok
    return found


def _in(subnet: str) -> dict[str, Any]:
    return {"Subnets": [{"Ref": subnet}], "SecurityGroupIds": [{"Fn::GetAtt": ["Nodes", "GroupId"]}]}


def _group(name: str, node_type: str, count: int) -> dict[str, Any]:
    partitions = {"PartitionNames": ["train"]} if node_type == "Compute" else {}
    place = {"OverrideVpcConfig": _in("Second")} if node_type == "Compute" else {}
    return {
        "InstanceGroupName": name,
        "InstanceCount": count,
        "InstanceType": "ml.m5.large",
        "ExecutionRole": {"Fn::GetAtt": ["Role", "Arn"]},
        "LifeCycleConfig": {"SourceS3Uri": "s3://sagemaker-scripts/lifecycle/", "OnInitComplete": "on_create.sh"},
        "SlurmConfig": {"NodeType": node_type, **partitions},
        **place,
    }


def _until(what: str, reached: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


class Trainer:
    """The deployed cluster as its user sees it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.connection = cloud, Connection(cloud)
        self.shared = next((cloud.state / "clusters").iterdir()) / "shared"

    def ask(self, *command: str, node: str = "login") -> str:
        answer = self.cloud.call("RunNodeCommand", ClusterName="trainer", Node=node, Command=list(command))
        assert answer["ExitCode"] == 0, answer["Output"]
        return str(answer["Output"])

    def nodes(self, group: str) -> list[clusters.Node]:
        return [node for node in clusters.nodes(self.connection, "trainer") if node.group == group]

    def workers(self) -> list[str]:
        return self.ask("sinfo", "-h", "-N", "-p", "train", "-o", "%T").split()

    def idle(self, count: int = 2) -> bool:
        up = all(node.status == "Running" for group in GROUPS for node in self.nodes(group))
        return up and self.workers() == ["idle"] * count

    def state(self, number: str) -> dict[str, str]:
        words = self.ask("scontrol", "show", "job", number, "-o").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def log(self, number: str) -> list[str]:
        path = self.shared / "runs" / f"{JOB}-{number}.log"
        return sorted(line for line in path.read_text().splitlines() if "stay" in line) if path.exists() else []

    def events(self, node: str) -> list[str]:
        told = clusters.events(self.connection, "trainer", 100)
        return [event.text for event in told if event.subject == node]


@pytest.fixture(scope="module")
def trainer(cloud: Cloud, stack: Stack) -> Trainer:
    found = Trainer(cloud)
    _until("idle workers", found.idle)
    return found


def test_a_job_of_a_deployed_cluster_outlives_a_node_and_meets_whole_ones_alone(trainer: Trainer) -> None:
    number = submitting.submit(trainer.connection, "trainer", JOB).number
    first = [f"{rank}: stay 0 on a whole node" for rank in range(2)]
    _until("a job that runs", lambda: trainer.log(number) == first)
    lost = trainer.nodes("workers")[1]
    assert lost.host.startswith("ip-10-33-4-")
    node_faults.fail(trainer.connection, "trainer", lost.host, failure="power")
    _until("end", lambda: trainer.state(number)["JobState"] in ("COMPLETED", "FAILED", "NODE_FAIL"), 90)
    ended = trainer.state(number)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), trainer.log(number)
    assert trainer.log(number) == sorted(first + [f"{rank}: stay 1 on a whole node" for rank in range(2)])
    # Another instance stands where the lost one stood, and its lifecycle has run.
    new = {node.host: node.id for node in trainer.nodes("workers")}
    assert new[lost.host] != lost.id
    name = f"/aws/sagemaker/Clusters/trainer/{trainer.shared.parent.name}"
    stream = f"LifecycleConfig/workers/{new[lost.host]}"
    lines = trainer.connection.client("logs").get_log_events(logGroupName=name, logStreamName=stream)["events"]
    assert any("(compute) is ready: " in line["message"] for line in lines)
    assert trainer.events(lost.id)[:2] == ["Instance replacement started", "Instance is unhealthy"]


def test_a_worker_under_deep_checks_keeps_its_job_and_gets_no_other(trainer: Trainer) -> None:
    _until("idle workers", trainer.idle)
    node = trainer.nodes("workers")[0]
    wrap = ["sbatch", "--parsable", "--output=/dev/null", "-w", node.host]
    running = trainer.ask(*wrap, "--wrap=sleep 600")
    _until("a job that runs", lambda: trainer.state(running)["JobState"] == "RUNNING")
    checks = {"InstanceGroupName": "workers", "InstanceIds": [node.id], "DeepHealthChecks": ["InstanceStress"]}
    api = trainer.connection.client("sagemaker")
    api.start_cluster_health_check(ClusterName="trainer", DeepHealthCheckConfigurations=[checks])
    _until("a reservation", lambda: f"Nodes={node.host} " in trainer.ask("scontrol", "show", "reservation"))
    assert "hyperpod-deep-health-check" in trainer.ask("scontrol", "show", "reservation")
    assert "ActiveFeatures=SageMakerDeepHealthCheck:InProgress" in trainer.ask("scontrol", "show", "node", node.host)
    waiting = trainer.ask(*wrap, "--wrap=hostname")
    with pytest.raises(api.exceptions.ClientError, match="Deep health checks are in progress"):
        api.start_cluster_health_check(ClusterName="trainer", DeepHealthCheckConfigurations=[checks])
    assert trainer.state(running)["JobState"] == "RUNNING"
    assert trainer.state(waiting)["JobState"] == "PENDING"
    trainer.ask("scancel", running)
    _until("checks", lambda: "Deep health checks passed: InstanceStress" in trainer.events(node.id))
    _until("the other job", lambda: trainer.state(waiting)["JobState"] == "COMPLETED")
    assert "No reservations" in trainer.ask("scontrol", "show", "reservation")


def test_a_cluster_grows_under_its_scheduler_and_keeps_what_the_lifecycle_wrote(trainer: Trainer, stack: Stack) -> None:
    _until("idle workers", trainer.idle)
    api = trainer.connection.client("sagemaker")
    rows = [{"InstanceGroupName": "workers", "IncrementTargetCountBy": 1}]
    [added] = api.batch_add_cluster_nodes(ClusterName="trainer", NodesToAdd=rows)["Successful"]
    _until("third worker", lambda: trainer.idle(3))
    assert len(trainer.ask("srun", "-N3", "-p", "train", "hostname").split()) == 3
    conf = trainer.ask("cat", "/opt/slurm/etc/slurm.conf", node="controller").splitlines()
    assert conf.count("include trainyard.conf") == 1
    new = next(node for node in trainer.nodes("workers") if added["NodeLogicalId"] in node.names)
    assert "Prolog=" in trainer.ask("cat", "/run/slurm/conf/trainyard.conf", node=new.id)
    everywhere = ["sbatch", "--parsable", "--exclusive", "-N3", "-p", "train", "--output=/dev/null", "--wrap=sleep 600"]
    job = trainer.ask(*everywhere)
    _until("a job on all three", lambda: trainer.state(job)["JobState"] == "RUNNING")
    answer = api.batch_delete_cluster_nodes(ClusterName="trainer", NodeLogicalIds=[added["NodeLogicalId"]])
    assert answer["SuccessfulNodeLogicalIds"] == [added["NodeLogicalId"]]
    # Of a node that Slurm did not know any more it would not end.
    _until("a job that waits", lambda: trainer.state(job)["JobState"] == "PENDING")
    trainer.ask("scancel", job)
    _until("two workers", trainer.idle)
    stack.delete()
    assert not list((trainer.cloud.state / "clusters").iterdir())
