"""One cloud and one deployment with the real CDK CLI for the whole session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import synthesis
from ports import free_port

from trainyard.local.cloud import Cloud
from trainyard.local.deploy import CdkCli

from .deployment import RECLAIMED_STEPS, SERVING, Deployment, in_definition, shrink


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "e2e":
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                # The first of them deploys, and jobs take the time that other tests leave them.
                item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The environment `local` as it is deployed, with a pipeline that takes seconds."""
    # Half of what spot hosts get: enough to commit, also where the processors are everybody's. Nobody kills it.
    options = ("--grace-seconds", "60", "--snapshot-seconds", "3600")
    cloud = Cloud(tmp_path_factory.mktemp("e2e"), free_port(), options=options)
    cloud.up()
    try:
        cli = CdkCli(cloud, synthesis.assembly_of_its_own(tmp_path_factory.mktemp("assembly")))
        cli.bootstrap()
        assert cli.deploy(["Local/**"])
        found = Deployment(cloud)
        template = found.template()
        in_definition(shrink)(template)
        found.update(template)
        yield found
    finally:
        cloud.down()


@pytest.fixture(scope="session")
def dataset(deployment: Deployment) -> str:
    """URI of a data set that the deployed pipeline's own preparation wrote."""
    arguments = deployment.arguments("Prepare", execution=f"e2e{uuid.uuid4().hex[:8]}")
    found = deployment.job("Processing", deployment.create_job("Processing", arguments))
    assert found["ProcessingJobStatus"] == "Completed", found["FailureReason"]
    return str(arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])


@pytest.fixture(scope="session")
def reclaimed(deployment: Deployment) -> Any:
    """What `trainyard run` printed of a whole execution whose hosts were reclaimed in the middle of training."""
    return deployment.run(
        "run", deployment.pipeline, "-p", f"TrainingSteps={RECLAIMED_STEPS}", "--reclaim-at-step", "16"
    )


@pytest.fixture(scope="session")
def endpoint(deployment: Deployment, reclaimed: Any) -> str:
    """Name of the deployed endpoint, which serves what that execution registered."""
    assert reclaimed.returncode == 0, reclaimed.stdout + reclaimed.stderr
    sagemaker = deployment.client("sagemaker")
    (package,) = sagemaker.list_model_packages(ModelPackageGroupName=deployment.pipeline)["ModelPackageSummaryList"]
    deployment.update(deployment.template(SERVING), SERVING, ModelPackageArn=package["ModelPackageArn"])
    name = deployment.output(SERVING, "EndpointName")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 900})
    return name
