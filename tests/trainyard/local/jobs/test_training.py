"""Training jobs as they run: the whole container contract, seen from inside."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from .conftest import IMAGE, Jobs
from .remains import assert_gone, unpack

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
