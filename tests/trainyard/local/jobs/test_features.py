"""What a request may ask beyond the plain job: groups, pipes, isolation, TensorBoard, warm pools, file systems."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import NEEDS_ROOT, Jobs

pytestmark = pytest.mark.slow


def report(jobs: Jobs, job: dict[str, Any], host: int = 1) -> str:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return jobs.lines(job["TrainingJobName"], host=host)[-1]


def test_groups_know_themselves_and_get_their_own_data(any_jobs: Jobs) -> None:
    jobs = any_jobs
    uri = jobs.put("groups/x.txt", "x")
    request = jobs.request("cat $b/input/config/resourceconfig.json; ls $b/input/data | tr -d '\\n'; echo",
                           channels={"data": uri})  # fmt: skip
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["InstanceGroupNames"] = ["b"]
    request["ResourceConfig"] = {
        "InstanceGroups": [
            {"InstanceGroupName": name, "InstanceType": kind, "InstanceCount": 1}
            for name, kind in (("a", "ml.m5.large"), ("b", "ml.c5.xlarge"))
        ],
        "VolumeSizeInGB": 1,
    }
    job = jobs.run(request)
    first, second = (report(jobs, job, host) for host in (1, 2))
    config, data = json.JSONDecoder().raw_decode(second)
    assert (config["current_group_name"], config["current_instance_type"]) == ("b", "ml.c5.xlarge")
    assert [len(group["hosts"]) for group in config["instance_groups"]] == [1, 1]
    assert second[data:] == "data"
    assert first.endswith("}")


def test_a_pipe_gives_all_objects_in_order_epoch_by_epoch(any_jobs: Jobs) -> None:
    jobs = any_jobs
    for name in "abc":
        jobs.put(f"pipe/{name}", f"{name};")
    manifest = jobs.put("manifests/m", json.dumps([{"prefix": f"s3://{jobs.bucket}/pipe/"}, "c", "a"]))
    request = jobs.request("p=$b/input/data; echo $(cat $p/all_0 $p/all_1 $p/some_0)",
                           channels={"all": f"s3://{jobs.bucket}/pipe/", "some": manifest})  # fmt: skip
    request["AlgorithmSpecification"]["TrainingInputMode"] = "Pipe"
    request["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    assert report(jobs, jobs.run(request)) == "a;b;c;a;b;c;c;a;"


def test_a_manifest_brings_what_it_names(any_jobs: Jobs) -> None:
    jobs = any_jobs
    for name in "abc":
        jobs.put(f"named/{name}", name)
    manifest = jobs.put("manifests/n", json.dumps([{"prefix": f"s3://{jobs.bucket}/"}, "named/c", "named/a"]))
    request = jobs.request("cd $b/input/data/some; echo $(find . -type f | sort)", channels={"some": manifest})
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    assert report(jobs, jobs.run(request)) == "./named/a ./named/c"
    request = jobs.request("true", channels={"some": jobs.put("manifests/bad", "[]")})
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    assert "is no manifest" in jobs.run(request)["FailureReason"]


@NEEDS_ROOT
def test_isolated_hosts_have_no_cloud_and_no_credentials_but_each_other(any_jobs: Jobs) -> None:
    port = any_jobs.cloud.environment()["AWS_ENDPOINT_URL"].rpartition(":")[2]
    probe = f"""
import os, socket
def reaches(*address):
    try:
        socket.create_connection(address, 1).close()
    except OSError as error:
        return type(error).__name__
    return "reached"
keys = [name for name in os.environ if name.startswith("AWS_")]
print(keys, socket.gethostbyname("algo-2"), reaches("127.0.0.1", {port}), reaches("8.8.8.8", 53),
      reaches("algo-2", 1), flush=True)
"""
    uri = any_jobs.put("isolated/probe.py", probe)
    request = any_jobs.request("exec python $b/input/data/code/probe.py", hosts=2, channels={"code": uri})
    job = any_jobs.run({**request, "EnableNetworkIsolation": True})
    # The peer is there and refuses the port; to anything else there is no way at all.
    assert report(any_jobs, job) == "[] 10.77.1.2 ConnectionRefusedError OSError ConnectionRefusedError"


@NEEDS_ROOT
def test_a_file_system_is_a_folder_that_may_be_closed_to_writers(any_jobs: Jobs) -> None:
    jobs = any_jobs
    folder = jobs.cloud.state / "file-systems" / "fs-01234567" / "mount"
    ec2 = jobs.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=f"g-{vpc}", Description="d", VpcId=vpc)["GroupId"]
    system = {"FileSystemId": "fs-01234567", "FileSystemType": "FSxLustre", "FileSystemAccessMode": "ro",
              "DirectoryPath": "/mount"}  # fmt: skip
    request = jobs.request("cat $b/input/data/d/x; touch $b/input/data/d/y && echo written || echo ' closed'",
                           VpcConfig={"Subnets": [subnet], "SecurityGroupIds": [group]})  # fmt: skip
    request["InputDataConfig"] = [{"ChannelName": "d", "DataSource": {"FileSystemDataSource": system}}]
    with pytest.raises(jobs.client("sagemaker").exceptions.ClientError, match=f"Make the folder {folder}"):
        jobs.start(request)
    folder.mkdir(parents=True)
    (folder / "x").write_text("content")
    assert "closed" in report(jobs, jobs.run(request))


@NEEDS_ROOT
def test_fast_files_are_read_only(any_jobs: Jobs) -> None:
    uri = any_jobs.put("fast/x", "content")
    request = any_jobs.request("touch $b/input/data/d/y && echo written || echo closed", channels={"d": uri})
    request["InputDataConfig"][0]["InputMode"] = "FastFile"
    assert report(any_jobs, any_jobs.run(request)) == "closed"


def test_event_files_are_in_s3(any_jobs: Jobs) -> None:
    jobs = any_jobs
    request = jobs.request("mkdir -p $b/output/tensorboard/r; echo x > $b/output/tensorboard/r/events; echo done",
                           TensorBoardOutputConfig={"S3OutputPath": f"s3://{jobs.bucket}/boards"})  # fmt: skip
    job = jobs.run(request)
    report(jobs, job)
    assert jobs.keys("boards") == [f"boards/{job['TrainingJobName']}/tensorboard-output/r/events"]


def test_a_warm_pool_is_reused_by_a_job_that_matches_and_ends(any_jobs: Jobs) -> None:
    jobs = any_jobs
    script = "c=$SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY; ls $c | wc -l; touch $c/kept"

    def run(seconds: int, volume: int) -> dict[str, Any]:
        request = jobs.request(script)
        request["ResourceConfig"] |= {"KeepAlivePeriodInSeconds": seconds, "VolumeSizeInGB": volume}
        return jobs.run(request)

    def pool(job: dict[str, Any]) -> dict[str, Any]:
        return dict(jobs.describe(job["TrainingJobName"])["WarmPoolStatus"])

    first, other, second = run(600, 7), run(600, 8), run(600, 7)
    assert [report(jobs, job) for job in (first, other, second)] == ["0", "0", "1"]
    assert pool(first)["Status"] == "Reused"
    assert pool(first)["ReusedByJob"] == second["TrainingJobName"]
    assert pool(other)["Status"] == pool(second)["Status"] == "Available"
    for job in (other, second):
        jobs.client("sagemaker").update_training_job(
            TrainingJobName=job["TrainingJobName"], ResourceConfig={"KeepAlivePeriodInSeconds": 0}
        )
        assert pool(job)["Status"] == "Terminated"
    listed = jobs.client("sagemaker").list_training_jobs(WarmPoolStatusEquals="Available")["TrainingJobSummaries"]
    assert listed == []


def test_the_first_preference_is_selected(any_jobs: Jobs) -> None:
    request = any_jobs.request("echo $(ls $b/input/config)")
    request["ResourceConfig"] = {
        "InstancePreferences": [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.c5.xlarge"}],
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
    }
    job = any_jobs.run(request)
    report(any_jobs, job)
    assert job["ResourceConfig"]["SelectedInstanceType"] == "ml.m5.large"
