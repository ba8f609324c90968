"""What a stack says of a job is what a submission reads, or it is refused."""

import pytest

from ml_contract.clusters.jobs import CHECKPOINTS, CODE, PublishedJob, parameter
from ml_contract.errors import ContractError


def test_what_is_published_is_what_is_read() -> None:
    job = PublishedJob(kind="slurm", text="s3://b/k.sh", variables={CODE: "/fsx/code", CHECKPOINTS: "s3://b/c"})
    assert PublishedJob.load(job.dump()) == job
    assert parameter("dev", "big", "llama") == "/trainyard/dev/clusters/big/jobs/llama"


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("hello", "job: got 'hello', but it must be JSON with kind, text and variables"),
        ("[]", "job: got '[]'"),
        ('{"kind": "slurm", "variables": {}}', "job: got"),
        ('{"kind": "pbs", "text": "s3://b/k", "variables": {}}', "kind: got 'pbs', but it must be one of 'slurm' or "),
        ('{"kind": "slurm", "text": 5, "variables": {}}', "text: got 5, but it must be a valid string"),
        ('{"kind": "slurm", "text": "/k", "variables": {}}', "text: got '/k', but it must be s3://bucket/key"),
        ('{"kind": "slurm", "text": "s3://b/k", "variables": {"HOME": "/"}}', "variables: got 'HOME', but its names"),
    ],
)
def test_what_no_stack_wrote_is_refused(text: str, refused: str) -> None:
    with pytest.raises(ContractError) as error:
        PublishedJob.load(text)
    assert str(error.value).startswith(refused)
    assert str(error.value).endswith("Deploy the job again.")
