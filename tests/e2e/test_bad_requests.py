"""What a user can do wrong at run time: one line on standard error that says what was wrong and what to do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from trainyard.local.cloud import ROOT

from .deployment import Deployment, eventually

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/trainyard-local-bytes-lm/execution/nosuchone123"


def refused(deployment: Deployment, *arguments: str | Path) -> str:
    """The one line that a command leaves."""
    done = deployment.run(*arguments)
    assert done.returncode != 0, done.stdout
    (line,) = done.stderr.strip().splitlines()
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize("command", ["run", "executions", "report"])
def test_a_pipeline_that_does_not_exist(deployment: Deployment, command: str) -> None:
    line = refused(deployment, command, "no-such-pipeline")
    assert "no-such-pipeline" in line
    assert re.search(r"\bnot?\b", line)
    if command == "run":
        assert deployment.pipeline in line or "trainyard executions" in line, "no way out"


def test_an_execution_that_does_not_exist(deployment: Deployment) -> None:
    assert ARN in refused(deployment, "executions", ARN)


def test_an_unknown_parameter(deployment: Deployment) -> None:
    line = refused(deployment, "run", deployment.pipeline, "-p", "TraningSteps=3")
    assert "TraningSteps" in line
    assert "'TrainingSteps'" in line, "no way out"
    line = refused(deployment, "run", deployment.pipeline, "-p", "Colour=red")
    assert "Colour" in line
    for name in ("Threshold", "TrainingSteps", "Seed"):
        assert name in line, "no way out"


@pytest.mark.parametrize(
    ("given", "kind"), [("TrainingSteps=many", "Integer"), ("TrainingSteps=1.5", "Integer"),
                        ("Threshold=low", "Float")]
)  # fmt: skip
def test_a_parameter_of_the_wrong_type(deployment: Deployment, given: str, kind: str) -> None:
    name, value = given.split("=")
    line = refused(deployment, "run", deployment.pipeline, "-p", given)
    assert name in line
    assert value in line
    assert kind in line


def test_a_refused_start_leaves_no_execution(deployment: Deployment) -> None:
    list_all = deployment.client("sagemaker").list_pipeline_executions
    before = list_all(PipelineName=deployment.pipeline)["PipelineExecutionSummaries"]
    refused(deployment, "run", deployment.pipeline, "-p", "TraningSteps=3")
    assert list_all(PipelineName=deployment.pipeline)["PipelineExecutionSummaries"] == before


def test_a_value_out_of_range_fails_the_execution_in_the_job_that_knows_the_rule(deployment: Deployment) -> None:
    line = refused(deployment, "run", deployment.pipeline, "-p", "TrainingSteps=1")
    assert "failed" in line
    assert "trainyard executions arn:aws:sagemaker:" in line
    arn = line.rpartition("trainyard executions ")[2].strip("`")
    shown = deployment.run("executions", arn)
    assert "warmup_steps: got 2" in shown.stdout, shown.stdout


def test_logs_of_an_unknown_job(deployment: Deployment) -> None:
    line = refused(deployment, "logs", "no-such-job")
    assert "no-such-job" in line
    assert "trainyard executions" in line
    assert "no-such-job" in refused(deployment, "logs", "no-such-job", "--follow")


def test_logs_of_an_unknown_endpoint(deployment: Deployment) -> None:
    assert "no-such-endpoint" in refused(deployment, "logs", "--endpoint", "no-such-endpoint")


@pytest.mark.parametrize("how", ["prompt", "body"])
def test_an_endpoint_that_does_not_exist(deployment: Deployment, tmp_path: Path, how: str) -> None:
    body = tmp_path / "request.json"
    body.write_text("{}")
    line = refused(deployment, "invoke", "no-such-endpoint", f"--{how}", "a" if how == "prompt" else body)
    assert "no-such-endpoint" in line
    assert "trainyard endpoints" in line, "no way out"


def test_a_request_file_that_does_not_exist(deployment: Deployment, tmp_path: Path) -> None:
    assert "missing.json" in refused(deployment, "invoke", "any", "--body", tmp_path / "missing.json")


def tokens(**changes: object) -> bytes:
    """A request to the byte-level model, with something changed."""
    given = {"name": "tokens", "datatype": "INT64", "shape": [1, 4], "data": [1, 2, 3, 4]} | changes
    return json.dumps({"inputs": [given], "outputs": [{"name": "logits"}]}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"{nonsense", ["JSON"], id="no-json"),
        pytest.param(b"", [], id="empty"),
        pytest.param(b"[1, 2]", [], id="no-object"),
        pytest.param(bytes(range(256)) * 16, [], id="random-bytes"),
        pytest.param(tokens(shape=[1, 5]), ["inputs[0].data: got 4", "5"], id="shape-and-data-differ"),
        pytest.param(tokens(shape=[4]), ["tokens"], id="wrong-rank"),
        pytest.param(tokens(datatype="FP32"), ["tokens", "INT64"], id="wrong-type"),
        pytest.param(tokens(name="token"), ["token"], id="wrong-name"),
    ],
)
def test_a_request_that_the_model_refuses(
    deployment: Deployment, endpoint: str, tmp_path: Path, body: bytes, words: list[str]
) -> None:
    file = tmp_path / "request"
    file.write_bytes(body)
    line = refused(deployment, "invoke", endpoint, "--body", file)
    for word in [endpoint, *words]:
        assert word in line


def test_the_endpoint_answers_after_all_that(deployment: Deployment, endpoint: str) -> None:
    done = deployment.run("invoke", endpoint, "--prompt", "def __init__(self", "--count", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("def __init__(self")


def test_the_cli_is_killed_and_the_execution_goes_on(deployment: Deployment) -> None:
    command = deployment.command("run", deployment.pipeline, "-p", "TrainingSteps=1")
    with deployment.without_instances("Prepare"):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"COLUMNS": "40"},
        )  # fmt: skip
        assert process.stdout
        assert process.stderr
        arn = process.stdout.readline().split()[0]
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
        killed = time.time()
        process.stdout.close()
        process.stderr.close()
        assert deployment.execution(arn)["PipelineExecutionStatus"] == "Executing"
    ended = deployment.ended(arn)
    assert ended["LastModifiedTime"].timestamp() > killed
    steps = deployment.steps(arn)
    assert steps["Prepare"]["StepStatus"] == "Succeeded"
    assert "warmup_steps" in steps["Train"]["FailureReason"]


def test_ctrl_c_leaves_the_execution_and_says_so(deployment: Deployment) -> None:
    with deployment.without_instances("Prepare"):
        process = deployment.begin("run", deployment.pipeline, "-p", "TrainingSteps=1")
        assert process.stdout
        arn = process.stdout.readline().split()[0]
        eventually(lambda: "Prepare" in deployment.steps(arn))
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=240)
    assert process.returncode == 130, error
    assert error.strip().splitlines() == ["interrupted; what was started goes on"]
    assert deployment.ended(arn)["PipelineExecutionStatus"] == "Failed"
