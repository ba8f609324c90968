"""Fixtures of the data tests: an S3 emulator, and a proxy before it that fails on demand."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "checkpoint"))

from emulated_s3 import ROOT, emulated_s3
from faulty_proxy import Proxy, proxy

PREFIXES = itertools.count()


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an S3 emulator that holds the bucket `data`."""
    if not (ROOT / ".trainyard/envs/cloud/bin/python").exists():
        pytest.skip("the cloud's environment is not installed: make setup")
    with emulated_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(scope="session")
def s3_client(s3_address: str) -> Any:
    """A client that no fault meets."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3_address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket="data")
    return client


@pytest.fixture
def s3(s3_address: str, s3_client: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """As the emulator's address, with the environment that points every AWS SDK to it."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return s3_address


@pytest.fixture
def faulty(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that every client made from now on goes through."""
    with proxy(s3) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield server


@pytest.fixture
def uri(s3: str) -> str:
    """A prefix of its own."""
    return f"s3://data/split-{next(PREFIXES)}"
