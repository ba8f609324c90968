"""The whole way on a real Slurm: a stack's cluster, a job that it publishes, a node that fails, a job that goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

from benchmarks.slurm_cluster import figures, job, obstacle
from ml_contract import metrics
from ml_contract.clusters import jobs
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.mounts import MountedByHyperPod
from ml_contract.clusters.nodes import NodeType
from ml_contract.clusters.software import Slurm
from tests.trainyard.local.cloudformation.conftest import Stack
from tests.trainyard.local.conftest import new_client, policy
from training_code.data.tokens import TokenWriter
from trainyard.local.cloud import Cloud
from trainyard.operations import clusters, submitting
from trainyard.operations.connection import Connection

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(240)]
STEPS, LOST_AT = 80, 30
JOB = job("bytes-lm", steps=STEPS, checkpoint_steps=20)
KINDS: dict[str, NodeType] = {"Controller": "controller", "Login": "login", "Compute": "compute"}
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
    client("s3").put_object(Bucket="sagemaker-scripts", Key="job.sh", Body=JOB.text().encode())
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    rights = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "logs:*"], "Resource": "*"}
    told = {jobs.CODE: JOB.code.place, jobs.CHECKPOINTS: JOB.checkpoints.uri}
    published = jobs.PublishedJob(kind="slurm", text="s3://sagemaker-scripts/job.sh", variables=told)
    found = Stack(client, tmp_path_factory.mktemp("stack"), "slurm")
    found.deploy({"Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": json.loads(policy(trust)),
            "Policies": [{"PolicyName": "p", "PolicyDocument": json.loads(policy(rights))}]}},
        "Cluster": {"Type": "AWS::SageMaker::Cluster", "Properties": {
            "ClusterName": "trainer", "NodeProvisioningMode": "Continuous", "NodeRecovery": "Automatic",
            "Orchestrator": {"Slurm": {}},
            "InstanceGroups": [_group(name, *what) for name, what in GROUPS.items()]}},
        "Job": {"Type": "AWS::SSM::Parameter", "Properties": {
            "Type": "String", "Name": jobs.parameter("local", "trainer", JOB.name), "Value": published.dump()}},
    }})  # fmt: skip
    assert found.read_back().ok
    return found


def _group(name: str, node_type: str, count: int) -> dict[str, Any]:
    partitions = {"PartitionNames": ["train"]} if node_type == "Compute" else {}
    return {
        "InstanceGroupName": name,
        "InstanceCount": count,
        "InstanceType": "ml.m5.large",
        "ExecutionRole": {"Fn::GetAtt": ["Role", "Arn"]},
        "LifeCycleConfig": {"SourceS3Uri": "s3://sagemaker-scripts/lifecycle/", "OnInitComplete": "on_create.sh"},
        "SlurmConfig": {"NodeType": node_type, **partitions},
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

    def ask(self, *command: str) -> str:
        answer = self.cloud.call("RunNodeCommand", ClusterName="trainer", Node="login", Command=list(command))
        assert answer["ExitCode"] == 0, answer["Output"]
        return str(answer["Output"])

    def nodes(self, group: str) -> list[clusters.Node]:
        return [node for node in clusters.nodes(self.connection, "trainer") if node.group == group]

    def idle(self) -> bool:
        up = all(node.status == "Running" for group in GROUPS for node in self.nodes(group))
        return up and self.ask("sinfo", "-h", "-N", "-p", "train", "-o", "%T").split() == ["idle"] * 2

    def state(self, number: str) -> dict[str, str]:
        words = self.ask("scontrol", "show", "job", number, "-o").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def log(self, number: str) -> str:
        path = self.shared / "runs" / f"{JOB.name}-{number}.log"
        return path.read_text().rpartition("\n")[0] if path.exists() else ""


def test_a_job_of_a_deployed_cluster_outlives_a_node(cloud: Cloud, stack: Stack) -> None:
    trainer = Trainer(cloud)
    for name in ("data", "runs", "checkpoints"):
        (trainer.shared / name).mkdir(exist_ok=True)
    writer = TokenWriter(trainer.shared / "data", dtype="uint8", shard_tokens=4096)
    writer.write(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(1000)))
    writer.close({"name": "text"})
    _until("idle workers", trainer.idle)
    number = submitting.submit(trainer.connection, "trainer", JOB.name).number
    _until("a step", lambda: any(step >= LOST_AT for step, _ in figures(trainer.log(number), metrics.LOSS)))
    lost = trainer.nodes("workers")[1]
    clusters.fail(trainer.connection, "trainer", lost.host, failure="power")
    _until("end", lambda: trainer.state(number)["JobState"] in ("COMPLETED", "FAILED", "NODE_FAIL"), 120)
    log = trainer.log(number)
    ended = trainer.state(number)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), log[-4000:]
    [(_, resumed)] = figures(log, metrics.RESTORED_STEP)
    assert resumed >= 20
    assert figures(log, metrics.LOSS)[-1][0] == STEPS
    # Another instance stands where the lost one stood, and its lifecycle has run.
    new = {node.host: node.id for node in trainer.nodes("workers")}
    assert new[lost.host] != lost.id
    name = f"/aws/sagemaker/Clusters/trainer/{trainer.shared.parent.name}"
    stream = f"LifecycleConfig/workers/{new[lost.host]}"
    lines = trainer.connection.client("logs").get_log_events(logGroupName=name, logStreamName=stream)["events"]
    assert any("(compute) is ready: " in line["message"] for line in lines)
    told = [event.text for event in clusters.events(trainer.connection, "trainer", 100) if event.subject == lost.id]
    assert told[:2] == ["Instance replacement started", "Instance is unhealthy"]


def test_a_cluster_grows_under_its_scheduler(cloud: Cloud, stack: Stack) -> None:
    trainer = Trainer(cloud)
    api = trainer.connection.client("sagemaker")
    rows = [{"InstanceGroupName": "workers", "IncrementTargetCountBy": 1}]
    [added] = api.batch_add_cluster_nodes(ClusterName="trainer", NodesToAdd=rows)["Successful"]
    _until("third worker", lambda: trainer.ask("sinfo", "-h", "-N", "-p", "train", "-o", "%T").split() == ["idle"] * 3)
    assert len(trainer.ask("srun", "-N3", "-p", "train", "hostname").split()) == 3
    answer = api.batch_delete_cluster_nodes(ClusterName="trainer", NodeLogicalIds=[added["NodeLogicalId"]])
    assert answer["SuccessfulNodeLogicalIds"] == [added["NodeLogicalId"]]
    _until("two workers", lambda: trainer.ask("sinfo", "-h", "-N", "-p", "train", "-o", "%T").split() == ["idle"] * 2)
    stack.delete()
    assert not list((cloud.state / "clusters").iterdir())
