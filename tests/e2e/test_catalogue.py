"""One endpoint for every packed model: what a pipeline registered answers there by its name."""

from __future__ import annotations

import json

import boto3
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


def test_a_caller_asks_for_its_own_models_and_no_others(deployment: Deployment) -> None:
    iam, policy = deployment.client("iam"), deployment.output("trainyard-local-serving-catalogue", "SearchPolicyArn")
    iam.create_user(UserName="searching")
    iam.attach_user_policy(UserName="searching", PolicyArn=policy)
    key = iam.create_access_key(UserName="searching")["AccessKey"]
    runtime = boto3.session.Session().client(
        "sagemaker-runtime", endpoint_url=deployment.cloud.endpoint_url, region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip

    def refusal(**which: str) -> str:
        with pytest.raises(ClientError) as found:
            runtime.invoke_endpoint(EndpointName=CATALOGUE, Body=BODY, ContentType="application/json", **which)
        return str(found.value.response["Error"]["Code"])

    # Allowed as far as the model, which is not there; an allow beside the denials, or they would mean nothing.
    assert refusal(TargetModel="bytes-lm/nothing/model.tar.gz") == "ValidationError"
    assert refusal(TargetModel="arr-coc/nothing/model.tar.gz") == "AccessDeniedException"
    assert refusal() == "AccessDeniedException"
