"""Training jobs as they run: the whole container contract, seen from inside."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from .conftest import IMAGE, Jobs, processes_with, wait_for

# Runs on every host; what it prints as JSON is what the test looks at.
PROBE = """
import glob, json, os, pathlib, signal, socket, sys
base = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
config = {name: json.loads((base / f"input/config/{name}.json").read_text())
          for name in ("hyperparameters", "inputdataconfig", "resourceconfig")}
files = {str(file.relative_to(base)): file.read_text() for file in sorted((base / "input/data").rglob("*.txt"))}
host = config["resourceconfig"]["current_host"]
for step in (1, 2):
    print(f"[metrics] step={step} loss={step / 2}", flush=True)
print("to stderr", file=sys.stderr)
(base / "model" / f"weights-{host}").write_text(host)
(base / "model" / "both").write_text(host)
(base / "output/data/note.txt").write_text("seen")
import boto3
print(json.dumps({"config": config, "files": files, "pid": os.getpid(), "host": socket.gethostname(),
                  "variables": dict(os.environ), "interfaces": [name for _, name in socket.if_nameindex()],
                  "folders": sorted(str(p.relative_to(base)) for p in base.rglob("*") if p.is_dir()),
                  "identity": boto3.client("sts").get_caller_identity()["Arn"],
                  "arguments": sys.argv[1:], "pipe": signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN}))
"""


@pytest.fixture
def probed(jobs: Jobs) -> tuple[Jobs, dict[str, Any], dict[str, Any]]:
    code = jobs.put("code/probe.py", PROBE)
    for index in range(3):
        jobs.put(f"data/part/{index}.txt", str(index))
    channels = {"code": code, "whole": f"s3://{jobs.bucket}/data", "shards": f"s3://{jobs.bucket}/data/"}
    request = jobs.request('exec python $b/input/data/code/probe.py "$@"', hosts=2, channels=channels)
    request["InputDataConfig"][2]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    request["InputDataConfig"][2]["ContentType"] = "text/plain"
    request["InputDataConfig"][2]["InputMode"] = "FastFile"
    request["HyperParameters"] = {"learning_rate": "0.1", "nested": '{"a": 1}'}
    request["Environment"] = {"MINE": "yes", "AWS_REGION": "mars-1"}
    request["AlgorithmSpecification"]["ContainerArguments"] = ["zero", "one", "two words"]
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": r"loss=([0-9.]+)"}]
    return jobs, request, jobs.run(request)


@pytest.mark.slow
def test_the_contract_from_inside(probed: tuple[Jobs, dict[str, Any], dict[str, Any]]) -> None:
    jobs, request, job = probed
    name = request["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    reports = [json.loads(jobs.lines(name, host=host)[-1]) for host in (1, 2)]
    isolated = jobs.isolation == "namespaces"
    hosts = ["algo-1", "algo-2"] if isolated else ["127.0.0.1", "127.0.0.2"]
    for report, host in zip(reports, hosts, strict=True):
        config = report["config"]
        assert config["hyperparameters"] == {"learning_rate": "0.1", "nested": '{"a": 1}'}
        assert config["inputdataconfig"]["shards"] == {
            "ContentType": "text/plain",
            "TrainingInputMode": "FastFile",
            "S3DistributionType": "ShardedByS3Key",
            "RecordWrapperType": "None",
        }
        assert config["resourceconfig"] == {
            "current_host": host,
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "hosts": hosts,
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": hosts}
            ],
            "network_interface_name": "eth0" if isolated else "lo",
        }
        variables = report["variables"]
        assert variables["MINE"] == "yes"
        assert variables["AWS_REGION"] == "us-east-1"
        assert variables["TRAINING_JOB_NAME"] == name
        assert variables["TRAINING_JOB_ARN"] == job["TrainingJobArn"]
        assert "AWS_PROFILE" not in variables
        assert {"checkpoints", "code", "input/config", "model", "output/data"} <= set(report["folders"])
        assert report["identity"].endswith(f"assumed-role/{jobs.role.rsplit('/', 1)[1]}/SageMaker")
        assert report["arguments"] == ["one", "two words"]
        assert all(report["files"][f"input/data/whole/part/{index}.txt"] == str(index) for index in range(3))
        if isolated:
            assert report["pid"] == 1
            assert report["host"] == host
            assert set(report["interfaces"]) == {"lo", "eth0"}
    shards = [{file for file in report["files"] if "/shards/" in file} for report in reports]
    assert [len(shard) for shard in shards] == [2, 1]
    assert not shards[0] & shards[1]


@pytest.mark.slow
def test_what_a_job_leaves_behind(probed: tuple[Jobs, dict[str, Any], dict[str, Any]]) -> None:
    jobs, request, job = probed
    name, hosts = request["TrainingJobName"], (1, 2)
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{jobs.bucket}/{name}-out/{name}/output/model.tar.gz"
    model = unpack(jobs.get(job["ModelArtifacts"]["S3ModelArtifacts"]))
    first = "algo-1" if jobs.isolation == "namespaces" else "127.0.0.1"
    assert len(model) == 3
    assert model["both"] == first
    assert unpack(jobs.get(f"s3://{jobs.bucket}/{name}-out/{name}/output/output.tar.gz")) == {"note.txt": "seen"}
    assert "to stderr" in jobs.lines(name)
    statuses = [row["Status"] for row in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    times = [time for row in job["SecondaryStatusTransitions"] for time in (row["StartTime"], row["EndTime"])]
    assert times == sorted(times)
    assert job["CreationTime"] <= job["TrainingStartTime"] < job["TrainingEndTime"]
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1
    assert [(row["MetricName"], row["Value"]) for row in job["FinalMetricDataList"]] == [("loss", 1.0)]
    for host in hosts:
        streams = jobs.client("logs").describe_log_streams(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-{host}-"
        )["logStreams"]
        assert len(streams) == 1
        assert streams[0]["logStreamName"].rsplit("-", 1)[1].isdigit()
    statistics = jobs.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": name}],
        StartTime=job["CreationTime"].timestamp() - 120,
        EndTime=time.time() + 120,
        Period=60,
        Statistics=["Maximum", "Minimum", "SampleCount"],
    )["Datapoints"]
    assert max(point["Maximum"] for point in statistics) == 1.0
    assert min(point["Minimum"] for point in statistics) == 0.5
    assert sum(point["SampleCount"] for point in statistics) == 4
    assert_gone(jobs, name)


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "script", "words"),
    [
        ("s3:GetObject", "true", ("Data download failed", "s3:GetObject on arn:aws:s3:::", "/data/x")),
        ("s3:ListBucket", "true", ("Data download failed", "s3:ListBucket on arn:aws:s3:::")),
        (
            "s3:PutObject",
            "echo 1 >$b/model/m",
            ("Artifact upload failed", "s3:PutObject on arn:aws:s3:::", "model.tar.gz"),
        ),
    ],
)
def test_a_role_without_a_right_fails_the_job_by_name(
    any_jobs: Jobs, missing: str, script: str, words: tuple[str, ...]
) -> None:
    actions = {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "logs:*", "cloudwatch:*"} - {missing}
    role = any_jobs.new_role({"Effect": "Allow", "Action": sorted(actions), "Resource": "*"})
    request = any_jobs.request(script, channels={"data": any_jobs.put("data/x", "1")}, RoleArn=role)
    job = any_jobs.run(request)
    assert job["TrainingJobStatus"] == "Failed"
    for word in ("ClientError: ", "AccessDenied", role, *words):
        assert word in job["FailureReason"]


# Reads and writes what is its own and another run's, with whatever credentials it finds.
REACH = """
import os, boto3
from botocore.exceptions import ClientError
s3, bucket = boto3.client("s3"), os.environ["BUCKET"]
def tried(call, **where):
    try:
        call(Bucket=bucket, **where)
        return "yes"
    except ClientError as error:
        return error.response["Error"]["Code"]
for run in ("mine", "yours"):
    print(run, tried(s3.get_object, Key=f"{run}/x"), tried(s3.put_object, Key=f"{run}/y", Body=b""),
          tried(s3.delete_object, Key=f"{run}/x"))
"""


@pytest.mark.slow
def test_a_job_has_its_roles_credentials_and_reaches_no_other_runs_prefix(any_jobs: Jobs) -> None:
    for run in ("mine", "yours"):
        any_jobs.put(f"{run}/x", "1")
    own = f"arn:aws:s3:::{any_jobs.bucket}/mine/*"
    role = any_jobs.new_role(
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": own},
        {"Effect": "Allow", "Action": ["logs:*", "s3:ListBucket"], "Resource": "*"},
    )
    channels = {"code": any_jobs.put("mine/code/reach.py", REACH)}
    script = "exec python $b/input/data/code/reach.py"
    request = any_jobs.request(script, channels=channels, RoleArn=role, Environment={"BUCKET": any_jobs.bucket})
    name = any_jobs.start(request)
    any_jobs.ended(name)
    assert any_jobs.lines(name)[-2:] == ["mine yes yes yes", "yours " + "AccessDenied " * 2 + "AccessDenied"]
    assert any_jobs.get(f"s3://{any_jobs.bucket}/yours/x") == b"1"


@pytest.mark.slow
def test_a_role_without_logs_runs_but_says_so(any_jobs: Jobs) -> None:
    role = any_jobs.new_role({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    job = any_jobs.run(any_jobs.request("echo hello; sleep 2", RoleArn=role))
    assert job["TrainingJobStatus"] == "Completed"
    message = next(row["StatusMessage"] for row in job["SecondaryStatusTransitions"] if row["Status"] == "Training")
    assert "logs of" in message
    assert "logs:CreateLogGroup" in message


@pytest.mark.slow
def test_a_channel_without_objects(any_jobs: Jobs) -> None:
    job = any_jobs.run(any_jobs.request("true", channels={"data": f"s3://{any_jobs.bucket}/nothing/here"}))
    assert f"No S3 objects found under S3 URL 's3://{any_jobs.bucket}/nothing/here'" in job["FailureReason"]


@pytest.mark.slow
def test_artifacts_depend_on_their_content_alone(any_jobs: Jobs) -> None:
    script = "mkdir $b/model/a; echo 1 >$b/model/a/x; echo 2 >$b/model/y; ln -s y $b/model/z"
    contents = []
    for _ in range(2):
        job = any_jobs.run(any_jobs.request(script))
        contents.append(any_jobs.get(job["ModelArtifacts"]["S3ModelArtifacts"]))
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_uncompressed_artifacts(any_jobs: Jobs) -> None:
    output = {"S3OutputPath": f"s3://{any_jobs.bucket}/plain", "CompressionType": "NONE"}
    job = any_jobs.run(any_jobs.request("mkdir $b/model/a; echo 1 >$b/model/a/x", OutputDataConfig=output))
    place = f"plain/{job['TrainingJobName']}/output/model/"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{any_jobs.bucket}/{place}"
    assert any_jobs.keys("plain/") == [f"{place}a/x"]


@pytest.mark.slow
def test_artifacts_are_encrypted_with_the_jobs_key(any_jobs: Jobs) -> None:
    key = any_jobs.client("kms").create_key()["KeyMetadata"]["Arn"]
    output = {"S3OutputPath": f"s3://{any_jobs.bucket}/secret", "KmsKeyId": key}
    job = any_jobs.run(any_jobs.request("true", OutputDataConfig=output))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    head = any_jobs.client("s3").head_object(Bucket=any_jobs.bucket, Key=any_jobs.keys("secret/")[0])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


@pytest.mark.slow
def test_the_sdk_sees_a_job_that_runs(any_jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in any_jobs.cloud.environment().items():
        monkeypatch.setenv(variable, value)
    from sagemaker.core.resources import TrainingJob
    from sagemaker.core.shapes import (
        AlgorithmSpecification,
        OutputDataConfig,
        ResourceConfig,
        StoppingCondition,
    )

    environment = any_jobs.cloud.environment()
    job = TrainingJob.create(
        training_job_name="from-the-sdk",
        role_arn=any_jobs.role,
        algorithm_specification=AlgorithmSpecification(
            training_image=IMAGE, training_input_mode="File", container_entrypoint=["sh", "-c", "echo hello"]
        ),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{any_jobs.bucket}/sdk"),
        resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=60),
        session=boto3.session.Session(region_name=environment["AWS_REGION"]),
        region=environment["AWS_REGION"],
    )
    assert job is not None
    job.wait(poll=1, timeout=60)
    assert job.training_job_status == "Completed"
    assert job.model_artifacts.s3_model_artifacts.endswith("from-the-sdk/output/model.tar.gz")


def unpack(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {
            member.name: stream.read().decode()
            for member in tar
            if member.isfile() and (stream := tar.extractfile(member)) is not None
        }


def assert_gone(jobs: Jobs, name: str) -> None:
    """No process of the job and no file of its hosts is left."""
    wait_for(lambda: processes_with(f"TRAINING_JOB_NAME={name}"), lambda found: not found, 5)
    wait_for(lambda: list((jobs.cloud.state / "jobs" / "training").glob(name)), lambda found: not found, 5)
