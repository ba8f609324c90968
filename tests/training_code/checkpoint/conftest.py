"""Fixtures of the checkpoint tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Ranks are processes that import the harness by its name.
sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("torch", reason="the training environment is not installed")
boto3 = pytest.importorskip("boto3")

from emulated_s3 import ROOT, emulated_s3  # noqa: E402


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A place for checkpoints in a folder."""
    return f"file://{tmp_path}/checkpoints"


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an S3 emulator."""
    if not (ROOT / ".trainyard/envs/cloud/bin/python").exists():
        pytest.skip("the cloud's environment is not installed: make setup")
    with emulated_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def s3(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """As the emulator's address, with the environment that points every AWS SDK to it, and bucket `checkpoints`."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="checkpoints")
    return s3_address
