"""How training jobs end: by failures, stops and limits, and what is told of each."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .conftest import Jobs
from .remains import assert_gone, unpack


@pytest.mark.slow
def test_a_failure_is_told_in_the_programs_words_and_the_other_host_is_stopped(jobs: Jobs, tmp_path: Path) -> None:
    # The first host can be told to stop once it has made the file that the second one waits for.
    script = (
        'if grep -q "$H" $b/input/config/res*; then '
        "while [ ! -e $M ]; do sleep .1; done; printf 'bad batch %02000d' 0 >$b/output/failure; exit 3; fi; "
        "trap 'echo told; kill $!; exit 0' TERM; touch $M; sleep 60 & wait"
    )
    environment = {"M": str(tmp_path / "ready"), "H": r'current_host": "\(algo-2\|127.0.0.2\)"'}
    started = time.monotonic()
    job = jobs.run(jobs.request(script, hosts=2, Environment=environment))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: bad batch 000")
    assert job["FailureReason"].endswith(", exit code: 3")
    assert len(job["FailureReason"]) == 1024
    assert "ModelArtifacts" not in job
    assert "told" in jobs.lines(job["TrainingJobName"])
    assert time.monotonic() - started < 30
    assert_gone(jobs, job["TrainingJobName"])


@pytest.mark.slow
def test_a_program_that_is_not_there(any_jobs: Jobs) -> None:
    request = any_jobs.request("")
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["pyhton", "-m", "training"]
    job = any_jobs.run(request)
    assert job["FailureReason"].endswith("the entrypoint's program was not found; see the log, exit code: 127")
    assert 'exec: "pyhton": No such file or directory' in "".join(any_jobs.lines(job["TrainingJobName"]))


@pytest.mark.slow
def test_a_program_without_a_message_is_explained_by_its_last_line(jobs: Jobs) -> None:
    job = jobs.run(jobs.request("echo starting; echo no module named trian >&2; echo; exit 1"))
    said = "it left no message; its log ends with 'no module named trian', exit code: 1"
    assert job["FailureReason"] == f"AlgorithmError: {said}"


@pytest.mark.slow
def test_a_stop_reaches_pid_1_and_keeps_the_model(jobs: Jobs) -> None:
    script = "trap 'echo saving; echo 1 >$b/model/saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    name = jobs.start(jobs.request(script))
    jobs.line(name, "ready")
    jobs.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert jobs.describe(name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    job = jobs.ended(name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert [row["Status"] for row in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    assert unpack(jobs.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"saved": "1\n"}
    with pytest.raises(jobs.client("sagemaker").exceptions.ClientError, match="is in status Stopped"):
        jobs.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert_gone(jobs, name)


@pytest.mark.slow
def test_who_does_not_stop_is_killed_with_all_its_children(jobs: Jobs) -> None:
    script = "trap '' TERM; (trap '' TERM; setsid sleep 300) & echo ready; while :; do sleep 0.1; done"
    name = jobs.start(jobs.request(script))
    jobs.line(name, "ready")
    jobs.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert jobs.ended(name)["TrainingJobStatus"] == "Stopped"
    assert_gone(jobs, name)


@pytest.mark.slow
def test_the_runtime_limit_ends_a_job(any_jobs: Jobs) -> None:
    script = "trap 'echo 1 >$b/model/saved; exit 0' TERM; while :; do sleep 0.1; done"
    job = any_jobs.run(any_jobs.request(script, StoppingCondition={"MaxRuntimeInSeconds": 4}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert unpack(any_jobs.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"saved": "1\n"}
