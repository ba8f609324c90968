"""This project's own services: what their requests touch beyond their own resource, and who may use them."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Callable

import botocore.auth
import botocore.awsrequest
import pytest
from botocore.credentials import Credentials

from trainyard.local.cloud import ACCOUNT, REGION, Cloud, CloudError

from .denials import TRAINING_JOB, allow, code, denied


def test_who_starts_a_job_must_be_allowed_to_pass_its_role(role: Callable, as_role: Callable) -> None:
    job_role = role()
    name = f"job-{uuid.uuid4().hex[:8]}"
    request = {"TrainingJobName": name, "RoleArn": job_role, **TRAINING_JOB}
    create = allow("sagemaker:CreateTrainingJob", resource=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/job-*")
    denied(as_role(role(create))("sagemaker").create_training_job, "iam:PassRole", job_role, **request)
    other = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    elsewhere = allow("iam:PassRole", resource=job_role, Condition=other)
    denied(as_role(role(create, elsewhere))("sagemaker").create_training_job, "iam:PassRole", job_role, **request)
    here = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    passing = as_role(role(create, allow("iam:PassRole", resource=job_role, Condition=here)))("sagemaker")
    # Allowed: what is left is that no such image exists.
    assert code(passing.create_training_job, **request) == "ValidationException"


def test_an_endpoint_is_made_only_from_a_configuration_that_the_role_may_use(role: Callable, as_role: Callable) -> None:
    prefix = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
    request = {"EndpointName": "e-1", "EndpointConfigName": "c-1"}
    one = as_role(role(allow("sagemaker:CreateEndpoint", resource=f"{prefix}:endpoint/*")))("sagemaker")
    denied(one.create_endpoint, "sagemaker:CreateEndpoint", f"{prefix}:endpoint-config/c-1", **request)
    both = as_role(role(allow("sagemaker:CreateEndpoint", resource=f"{prefix}:endpoint*")))("sagemaker")
    assert code(both.create_endpoint, **request) not in ("", "AccessDeniedException")


def test_faults_are_for_the_administrator(cloud: Cloud, role: Callable, client: Callable) -> None:
    session = client("sts").assume_role(RoleArn=role(allow("*")), RoleSessionName="tests")["Credentials"]
    assert cloud.call("ListFaults") == {"Faults": []}
    request = botocore.awsrequest.AWSRequest(
        "POST", cloud.endpoint_url, {"X-Amz-Target": "Trainyard.ListFaults"}, b"{}"
    )
    key = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    botocore.auth.SigV4Auth(key, "trainyard", REGION).add_auth(request)
    sent = urllib.request.Request(cloud.endpoint_url, b"{}", dict(request.headers))
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(sent, timeout=10)
    assert "only the administrator" in json.load(error.value)["message"]


def test_unknown_operations_of_ours_are_refused(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="ListFaults"):
        cloud.call("Conjure")
