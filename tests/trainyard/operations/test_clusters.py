"""`trainyard cluster` against a cloud whose nodes are stand-ins: what is shown, refused and submitted."""

from __future__ import annotations

import io
import shlex
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ml_contract.clusters.jobs import CHECKPOINTS, CODE, RUN, PublishedJob, parameter
from tests.trainyard.local.clusters.stand_in import Cloud, slurm
from trainyard.cli import clusters as cli
from trainyard.local.api.errors import ServiceError
from trainyard.operations import clusters, node_faults, submitting
from trainyard.operations.connection import Connection, OperationError

SCRIPT = "#!/bin/bash\necho \"it's $HOME\" 'and `this`'\n"


class Client:
    """SageMaker, SSM and S3 as boto3 would show them."""

    def __init__(self, cloud: Cloud, parameters: dict[str, str]) -> None:
        self._cloud, self._parameters = cloud, parameters

    def __getattr__(self, name: str) -> Any:
        operation = "".join(word.capitalize() for word in name.split("_"))
        return lambda **request: _times(self._cloud.call(operation, **request))

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **request: [getattr(self, name)(**request)])

    def get_parameters_by_path(self, Path: str, Recursive: bool) -> Any:
        return {"Parameters": [{"Name": name, "Value": value} for name, value in self._parameters.items()]}

    def get_object(self, Bucket: str, Key: str) -> Any:
        assert (Bucket, Key) == ("assets", "job.sh")
        return {"Body": io.BytesIO(SCRIPT.encode())}


def _times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: datetime.fromtimestamp(inner, UTC) if key.endswith("Time") else _times(inner)
            for key, inner in value.items()
        }
    return [_times(item) for item in value] if isinstance(value, list) else value


class Embedded:
    """The embedded cloud's own operations; a command on a node runs here."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"ExitCode": 0, "Output": "7"}

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        self.asked.append({"Operation": operation, **request})
        if operation == "InjectFault":
            self._cloud.fault(request["Kind"], request["Node"])
        return self.answer


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    made.create(
        slurm("head", "Controller", 1), slurm("door", "Login", 1), slurm("workers", "Compute", 2),
        Orchestrator={"Slurm": {}}, NodeProvisioningMode="Continuous", wait="",
    )  # fmt: skip
    # A group is in service with its first node, and a moment after its nodes run.
    made.until(
        lambda: (
            made.statuses() == ["Running"] * 4
            and {one["Status"] for one in made.call("DescribeCluster", ClusterName="c")["InstanceGroups"]}
            == {"InService"}
        )
    )
    yield made
    made.end()


def published(kind: Any = "slurm", **variables: str) -> str:
    return PublishedJob(kind=kind, text="s3://assets/job.sh", variables=variables).dump()


@pytest.fixture
def connection(cloud: Cloud) -> Connection:
    parameters = {
        parameter("prod", "c", "train"): published(**{CODE: "s3://a/it's", CHECKPOINTS: "s3://b/c"}),
        parameter("prod", "c", "pods"): published("kubernetes", **{CODE: "s3://a/x"}),
        parameter("prod", "d", "other"): published(),
        parameter("prod", "c", "twice"): published(),
        parameter("dev", "c", "twice"): published(),
    }
    made = Connection(Embedded(cloud))
    made._clients.update(dict.fromkeys(("sagemaker", "ssm", "s3"), Client(cloud, parameters)))
    return made


@pytest.fixture
def aws(connection: Connection) -> Connection:
    made = Connection(None)
    made._clients.update(connection._clients)
    return made


def run(monkeypatch: pytest.MonkeyPatch, connection: Connection, *arguments: str) -> str:
    monkeypatch.setattr(cli, "connect", lambda _: connection)
    ended = CliRunner().invoke(cli.app, arguments, obj=(connection.cloud is not None, connection.cloud))
    if ended.exception is not None:
        raise ended.exception
    return ended.stdout


def test_status_shows_groups_and_events(monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    said = run(monkeypatch, connection, "status").splitlines()
    assert said[0] == "c (Slurm): InService"
    assert said[1].split() == ["group", "status", "nodes", "type", "duty"]
    assert said[4].split() == ["workers", "InService", "2", "of", "2", "ml.c5.xlarge", "compute"]
    assert said[5].split() == ["time", "level", "what", "event"]


def test_nodes_are_listed_by_group(monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    rows = [line.split() for line in run(monkeypatch, connection, "nodes").splitlines()]
    assert [row[0] for row in rows] == ["group", "door", "head", "workers", "workers"]
    assert all(row[2] == "Running" and row[3].startswith("ip-10-1-0-") for row in rows[1:])


def test_a_node_fails_by_any_of_its_names(connection: Connection, cloud: Cloud) -> None:
    node = next(node for node in clusters.nodes(connection, "c") if node.group == "workers")
    found = node_faults.fail(connection, "c", node.host, failure="health", reason="Xid")
    assert found.id == node.id
    asked = connection.cloud.asked[-1]
    assert (asked["Kind"], asked["Node"], asked["Reason"]) == ("NodeHealth", node.id, "Xid")
    cloud.until(lambda: node.id not in cloud.ids() and cloud.statuses() == ["Running"] * 4)
    with pytest.raises(OperationError, match=r"c has no node 'nobody'\. It has ip-10-1-0-\d+ \(i-"):
        node_faults.fail(connection, "c", "nobody", failure="power")


def test_on_aws_a_node_does_not_fail_on_request(aws: Connection) -> None:
    with pytest.raises(OperationError, match="batch-replace-cluster-nodes --cluster-name c --node-ids i-1"):
        node_faults.fail(aws, "c", "i-1", failure="power")


def test_a_job_reaches_sbatch_on_the_login_node_word_for_word(connection: Connection, tmp_path: Path) -> None:
    submission = submitting.submit(connection, "c", "train", run="7")
    door = next(node for node in clusters.nodes(connection, "c") if node.group == "door")
    assert (submission.number, submission.node) == ("7", door.id)
    asked = connection.cloud.asked[-1]
    assert asked["Node"] == door.id
    tell = tmp_path / "sbatch"
    tell.write_text(f'#!/bin/bash\ncat "$2"; echo "$1 ${CODE} ${CHECKPOINTS} ${RUN}"\n')
    tell.chmod(0o755)
    line = asked["Command"][2].replace("/opt/slurm/bin", str(tmp_path))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == SCRIPT + "--parsable s3://a/it's s3://b/c 7\n"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("nothing", "c has no job 'nothing'. It has pods, train, twice"),
        ("twice", "several environments publish twice for c: /trainyard/prod/"),
        ("pods", "no Kubernetes runs on the embedded cloud"),
    ],
)
def test_a_job_that_cannot_be_submitted_is_refused(connection: Connection, job: str, said: str) -> None:
    with pytest.raises(OperationError, match=said):
        submitting.submit(connection, "c", job)


def test_what_sbatch_refuses_is_told_on_one_line(connection: Connection) -> None:
    connection.cloud.answer = {"ExitCode": 1, "Output": "sbatch: error: invalid\npartition"}
    with pytest.raises(OperationError, match="failed with exit code 1: sbatch: error: invalid partition"):
        submitting.submit(connection, "c", "train")


def test_no_submission_takes_the_folder_of_another_unless_it_is_named(connection: Connection) -> None:
    connection.cloud.answer = {"ExitCode": 0, "Output": "1"}
    # Both are job 1: between them the controller has been replaced.
    first, second = (submitting.submit(connection, "c", "train") for _ in range(2))
    assert first.run != second.run
    assert submitting.submit(connection, "c", "train", run=first.run).run == first.run


def test_a_cluster_that_is_not_there_is_said_before_its_jobs(connection: Connection) -> None:
    with pytest.raises(ServiceError, match="Cluster 'nope' does not exist"):
        submitting.submit(connection, "nope", "train")


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a b"])
def test_a_run_is_the_name_of_a_folder(connection: Connection, name: str) -> None:
    with pytest.raises(OperationError, match=r"--run: got .* a dot never first"):
        submitting.submit(connection, "c", "train", run=name)


def test_a_manifest_is_printed_on_aws(monkeypatch: pytest.MonkeyPatch, aws: Connection) -> None:
    assert run(monkeypatch, aws, "submit", "pods", "--cluster", "c") == SCRIPT


def test_the_way_to_a_node_of_aws_is_a_session_that_runs_one_command(
    aws: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting.shutil, "which", lambda _: None)
    with pytest.raises(OperationError, match="aws is not on this machine") as caught:
        submitting.submit(aws, "c", "train")
    words = shlex.split(str(caught.value).partition("elsewhere: ")[2])
    door = next(node for node in clusters.nodes(aws, "c") if node.group == "door")
    cluster = clusters.describe(aws, "c")
    assert words[:7] == ["aws", "ssm", "start-session", "--target", f"sagemaker-cluster:{cluster.id}_door-{door.id}",
                         "--document-name", "AWS-StartNonInteractiveCommand"]  # fmt: skip


def test_a_cluster_that_is_not_named_is_the_only_one(connection: Connection) -> None:
    assert clusters.choose(connection, None) == "c"
    assert clusters.choose(connection, "other") == "other"
    assert clusters.choose(connection, arn := "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdef012345") == arn


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 64, "*"])
def test_what_no_cluster_can_be_called_is_said_before_anybody_is_asked(connection: Connection, name: str) -> None:
    with pytest.raises(OperationError, match=r"--cluster: got .* letters, digits and single hyphens"):
        clusters.choose(connection, name)
