"""The environment `lab` as a user has it: deployed by the CDK CLI, a run submitted by name, a node lost under it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import synthesis
from ports import free_port

from benchmarks.slurm_cluster import obstacle
from environments import LAB
from ml_contract import metrics
from tests.trainyard.local.conftest import new_client
from training_code.data.tokens import TokenWriter
from trainyard.local.cloud import ROOT, Cloud
from trainyard.local.clusters.slurm_packages import default_folder
from trainyard.local.databases.packages import layer_beside, missing
from trainyard.local.deploy import CdkCli
from trainyard.local.readback import check_deployment

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(240)]
CLUSTER = "trainyard-lab-slurm"
(RUN,) = LAB.clusters[0].runs
STEPS = RUN.run.steps


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if reason := obstacle() or missing(layer_beside(default_folder())):
        pytest.skip(reason)
    found = Cloud(tmp_path_factory.mktemp("lab"), free_port())
    found.up()
    try:
        cli = CdkCli(found, synthesis.synthesise([LAB], tmp_path_factory.mktemp("assembly")))
        cli.bootstrap()
        assert cli.deploy(["Lab/**"])
        check_deployment(found, cli.output, ["Lab/Cluster-slurm"])
        yield found
    finally:
        found.down()


@pytest.fixture(scope="module")
def data(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bucket that holds what the run streams."""
    folder = tmp_path_factory.mktemp("shards")
    writer = TokenWriter(folder, dtype="uint8", shard_tokens=4096)
    writer.write(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(1000)))
    writer.close({"name": "text"})
    (stack,) = new_client(cloud, "cloudformation").describe_stacks(StackName="trainyard-lab-storage")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    s3 = new_client(cloud, "s3")
    for path in folder.iterdir():
        s3.upload_file(str(path), outputs["DataBucketName"], f"datasets/{RUN.data}/{path.name}")
    return str(outputs["DataBucketName"])


def trainyard(cloud: Cloud, *words: str, seconds: float = 60) -> str:
    command = [
        str(Path(sys.executable).with_name("trainyard")),
        "--local",
        "--port",
        str(cloud.port),
        "--state",
        str(cloud.state),
    ]
    done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def nodes(cloud: Cloud) -> dict[str, tuple[str, str]]:
    """Group and host of each node, by its id."""
    rows = [line.split() for line in trainyard(cloud, "cluster", "nodes").splitlines()[1:]]
    return {row[1]: (row[0], row[3]) for row in rows}


def ask(cloud: Cloud, words: str) -> str:
    """What a command says on the login node."""
    told = cloud.call("RunNodeCommand", ClusterName=CLUSTER, Node="login", Command=words.split())
    assert told["ExitCode"] == 0, told["Output"]
    return str(told["Output"])


def history(cloud: Cloud) -> list[str]:
    """Every job that Slurm ever ran: number, user, account, how it ended; what was queued again stands twice."""
    return ask(cloud, "sacct -aXD --noheader --parsable2 --format=jobid,user,account,state").split()


def up(cloud: Cloud, group: str) -> set[str]:
    """Nodes of a group that run."""
    rows = [line.split() for line in trainyard(cloud, "cluster", "nodes").splitlines()[1:]]
    return {row[1] for row in rows if row[0] == group and row[2] == "Running"}


def reached(holds: Callable[[], object], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.2)


def until(log: Path, pattern: str, seconds: float = 90) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = log.read_text() if log.exists() else ""
        if re.search(pattern, text):
            return text
        time.sleep(0.2)
    raise AssertionError(f"no {pattern} within {seconds} s: {text[-3000:]}")


# First: the other test loses a node too, and the alarm of it would stand for minutes.
def test_a_lost_node_is_told_of_and_its_runbook_ends_with_another_in_its_place(cloud: Cloud) -> None:
    before = nodes(cloud)
    told = json.loads(trainyard(cloud, "incident", "node-loss", "--json", seconds=200))
    assert told["alarms"] == ["trainyard-lab-slurm-node-lost"]
    assert {"alarm", "told", "checked", "ok"} <= {moment["kind"] for moment in told["timeline"]}
    after = nodes(cloud)
    assert len(set(before) - set(after)) == len(set(after) - set(before)) == 1


def test_a_run_of_the_deployed_environment_outlives_a_node(cloud: Cloud, data: str) -> None:
    assert f"{CLUSTER} (Slurm): InService" in trainyard(cloud, "cluster", "status")
    submitted = trainyard(cloud, "cluster", "submit", RUN.name)
    (number,) = re.findall(rf"{RUN.name} is job (\d+) of {CLUSTER}", submitted)
    (site,) = (cloud.state / "clusters").iterdir()
    log = site / "shared" / "runs" / f"{RUN.name}-{number}.log"
    until(log, r"committed_step=40 ")
    before = nodes(cloud)
    # The last worker: the first one runs the script.
    worker = max((host, node) for node, (group, host) in before.items() if group == "workers")[1]
    assert f"{worker} (workers) fails now" in trainyard(cloud, "cluster", "fail", worker)
    text = until(log, rf"committed_step={STEPS} ")
    lost, _, went_on = text.rpartition(metrics.RESTORED_STEP.name)
    first, *_, last = (int(step) for step in re.findall(r"step=(\d+) train:loss", went_on))
    commits = [int(step) for step in re.findall(r"committed_step=(\d+) ", lost)]
    assert (first, last) == (commits[-1] + 1, STEPS)
    after = nodes(cloud)
    assert worker not in after
    assert len(after) == len(before)
    assert next(row.split("|")[-1] for row in history(cloud) if row.startswith(f"{number}|")) == "NODE_FAIL"


def test_accounts_their_shares_and_what_ran_outlive_the_controller(cloud: Cloud) -> None:
    tree = ask(cloud, "sacctmgr --noheader --parsable2 show associations format=account,user,fairshare").split()
    assert {"research||3", "research|ada|1", "products||1", "products|grace|1"} <= set(tree)
    charged = "sbatch --parsable --uid=ada --account=research --chdir=/ --output=/dev/null --wrap=true"
    number = ask(cloud, charged)
    ended = f"{number}|ada|research|COMPLETED"
    reached(lambda: ended in history(cloud), "the end of a job in the accounting")
    before = history(cloud)
    (controller,) = (node for node, (group, _) in nodes(cloud).items() if group == "controller")
    trainyard(cloud, "cluster", "fail", controller)
    reached(lambda: up(cloud, "controller") - {controller}, "another controller")
    assert history(cloud) == before
    assert ask(cloud, "sacctmgr --noheader --parsable2 show associations format=account,user,fairshare").split() == tree
    # All of the shares' weight, as nobody has used anything for long: without a weight it would be 1.
    assert " Priority=100000 " in ask(cloud, f"scontrol --oneliner show job {ask(cloud, charged)}")
