"""What the project's own code calls from inside a network has an endpoint there: derived from the code."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import botocore.session
import pytest
from synthesis import ROOT

from constructs_lib.network import CUSTOM_RESOURCES, HYPERPOD, JOBS, Purpose
from constructs_lib.network.purposes import endpoints_of

RUNS: dict[str, tuple[tuple[Purpose, ...], ...]] = {
    "training_code": ((JOBS,), (HYPERPOD,)),
    "inference_code": ((JOBS,),),
    "ml_contract": ((JOBS,), (HYPERPOD,)),
    "cluster_code": ((HYPERPOD,),),
    "constructs_lib/hyperpod/jobs": ((HYPERPOD,),),
    "constructs_lib/governance/functions": ((JOBS, CUSTOM_RESOURCES),),
    "images": ((JOBS,), (HYPERPOD,)),
}
"""Where code of a folder runs, each by the purposes of its network."""
CLIENT = re.compile(r'\b(?:client|resource)\(\s*"([a-z][a-z0-9-]*)"')
COMMAND = re.compile(r"(?<![`\w-])aws ([a-z][a-z0-9-]+) [a-z]")
REGISTRY = re.compile(r"\bdocker login\b")
"""Docker's own protocol, which no client of AWS's speaks."""


@functools.cache
def texts(folder: str) -> dict[Path, str]:
    found = (path for path in (ROOT / folder).rglob("*") if path.suffix != ".pyc" and path.is_file())
    return {path: path.read_text() for path in found}


def services(folder: str) -> set[str]:
    return {name for text in texts(folder).values() for kind in (CLIENT, COMMAND) for name in kind.findall(text)}


def endpoint(service: str) -> str:
    """Name of a service's interface endpoint: what its address begins with, the other way round."""
    model = botocore.session.get_session().get_service_model(service)
    return ".".join(reversed(model.metadata["endpointPrefix"].split(".")))


def test_names_of_endpoints_follow_from_addresses() -> None:
    assert [endpoint(name) for name in ("sagemaker", "sagemaker-runtime", "ecr", "cloudwatch", "secretsmanager")] == [
        "sagemaker.api", "sagemaker.runtime", "ecr.api", "monitoring", "secretsmanager",
    ]  # fmt: skip


@pytest.mark.parametrize("folder", RUNS)
def test_every_service_that_code_calls_has_an_endpoint_wherever_it_runs(folder: str) -> None:
    # Data of S3 goes through the gateway, which every network has.
    called = {endpoint(name) for name in services(folder) - {"s3"}}
    if any(REGISTRY.search(text) for text in texts(folder).values()):
        called.add("ecr.dkr")
    for purposes in RUNS[folder]:
        there = {one.service for one in endpoints_of(purposes)}
        assert called <= there, f"{folder} in a network of {[one.name for one in purposes]}"


@pytest.mark.parametrize("folder", RUNS)
def test_a_file_that_has_clients_names_their_services(folder: str) -> None:
    """What is called by a name that only the run knows would escape the test above."""
    silent = [str(path.relative_to(ROOT)) for path, text in texts(folder).items()
              if re.search(r"^\s*import boto3$", text, re.MULTILINE) and not CLIENT.search(text)]  # fmt: skip
    assert silent == []


def test_the_derivation_sees_what_is_known_to_be_called() -> None:
    assert {"secretsmanager", "ssm", "ecr"} <= services("cluster_code")
    assert services("constructs_lib/governance/functions") == {"sagemaker", "cloudwatch"}
    assert services("training_code") == services("constructs_lib/hyperpod/jobs") == {"s3"}
