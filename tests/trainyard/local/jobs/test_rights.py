"""What a job may do is what its role may do, and what it may not is told by name."""

from __future__ import annotations

import pytest

from .conftest import Jobs


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
