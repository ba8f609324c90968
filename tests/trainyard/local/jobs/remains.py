"""What a job leaves: the files of its archives, and nothing else."""

from __future__ import annotations

import io
import tarfile

from .conftest import Jobs, processes_with, wait_for


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
