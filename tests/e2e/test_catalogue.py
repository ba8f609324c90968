"""One endpoint for every packed model: what a pipeline registered answers there by its name."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from trainyard.operations import packages
from trainyard.operations.connection import connect

from .deployment import Deployment

CATALOGUE = "trainyard-local-catalogue"
BODY = json.dumps({"inputs": [{"name": "tokens", "datatype": "INT64", "shape": [1, 3], "data": [100, 101, 102]}]})


def test_a_packed_model_answers_there_as_on_its_own_endpoint(deployment: Deployment, endpoint: str) -> None:
    runtime, connection = deployment.client("sagemaker-runtime"), connect(deployment.cloud)
    newest = packages.versions(connection, deployment.pipeline)[0]["ModelPackageArn"]
    target = packages.data_url(connection, newest).partition("/packages/")[2]
    alone, among = (
        json.loads(runtime.invoke_endpoint(Body=BODY, ContentType="application/json", **which)["Body"].read())
        for which in ({"EndpointName": endpoint}, {"EndpointName": CATALOGUE, "TargetModel": target})
    )
    assert among["model_name"] == target
    assert among["outputs"] == alone["outputs"]


def test_a_model_that_nobody_packed_is_no_model(deployment: Deployment) -> None:
    with pytest.raises(ClientError, match=r"Failed to download model data.*packages/nothing/model.tar.gz"):
        deployment.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=CATALOGUE, TargetModel="nothing/model.tar.gz", Body=BODY, ContentType="application/json"
        )
