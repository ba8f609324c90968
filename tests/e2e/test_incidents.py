"""Incidents on the deployment as it is: its alarm fires, the commands of the runbook are typed, the end is checked."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from trainyard.cli.failures import INTERRUPTED
from trainyard.incidents.catalogue import INCIDENTS
from trainyard.incidents.incident import Incident
from trainyard.incidents.runbook import Runbook
from trainyard.incidents.shell import search_path

from .deployment import Deployment, eventually


@pytest.fixture(autouse=True)
def programs() -> None:
    if shutil.which("aws", path=search_path()) is None:
        pytest.skip("the AWS CLI is not installed")


# What is rolled out and taken back wants an endpoint that serves the first package of its group.
@pytest.mark.usefixtures("endpoint")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", INCIDENTS, ids=lambda kind: kind.name)
def test_an_incident_is_put_right_by_its_runbook(deployment: Deployment, kind: type[Incident]) -> None:
    if kind.environment != "local":
        pytest.skip(f"it is played on the environment {kind.environment}: `make test-slurm`")
    done = deployment.run("incident", kind.name, "--json", timeout=590)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["emulated"]
    assert [ran["command"] for ran in told["commands"]] == list(Runbook.read(kind.name).commands)
    assert told["findings"]
    moments = [moment["kind"] for moment in told["timeline"]]
    fired = [moment["text"].split()[0] for moment in told["timeline"] if moment["kind"] == "alarm"]
    assert fired == told["alarms"]
    assert moments.count("told") == len(kind.symptoms) + len(kind.notices)
    assert deployment.cloud.call("ListFaults")["Faults"] == []


def test_ctrl_c_takes_the_faults_back(deployment: Deployment) -> None:
    process = deployment.begin("incident", "spot-storm")
    eventually(lambda: deployment.cloud.call("ListFaults")["Faults"])
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=240)
    assert process.returncode == INTERRUPTED
    assert said == "interrupted; the faults are taken back and what was started is stopped\n"
    assert deployment.cloud.call("ListFaults")["Faults"] == []
    (newest, *_) = deployment.client("sagemaker").list_pipeline_executions(
        PipelineName=deployment.pipeline, SortBy="CreationTime", SortOrder="Descending"
    )["PipelineExecutionSummaries"]
    assert deployment.ended(newest["PipelineExecutionArn"])["PipelineExecutionStatus"] == "Stopped"
