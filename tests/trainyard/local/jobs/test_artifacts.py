"""Artifacts of a job: what they depend on, in which form they come, and under which key."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.jobs.artifacts import pack

from .conftest import Jobs


@given(files=st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=20), max_size=5))
def test_an_archive_depends_on_names_and_contents_alone(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    archives = []
    for order in (list(files), list(reversed(files))):
        folder = tmp_path_factory.mktemp("model")
        for index, name in enumerate(order):
            (folder / name).write_bytes(files[name])
            os.utime(folder / name, (index * 1000, index * 1000))
        archives.append(folder.with_suffix(".tar.gz"))
        assert pack([folder], archives[-1]) == len(files)
    assert archives[0].read_bytes() == archives[1].read_bytes()


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
