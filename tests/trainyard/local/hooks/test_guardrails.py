"""The guardrails on the running cloud: a boundary as it is rendered, against calls with the role's own credentials."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.guardrails import Guardrails
from constructs_lib.guardrails.statements import Places, denials
from trainyard.local.cloud import ACCOUNT, REGION

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
LIMITS = Guardrails(
    instance_families=("ml.g5", "ml.c5"), max_run_seconds=3600, encrypt_traffic=True, network_isolation=False
)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture
def sagemaker(client: Callable, role: Callable, as_role: Callable) -> Any:
    """A client with the credentials of a role that is granted everything, within the boundary."""
    places = Places(subnets=[SUBNET], groups=[GROUP], key=KEY)
    statements = [EVERYTHING, *denials(LIMITS, region=REGION, account=ACCOUNT, places=places)]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    made = client("iam").create_policy(PolicyName=f"boundary-{uuid.uuid4().hex[:8]}", PolicyDocument=document)
    arn = role(EVERYTHING)
    client("iam").put_role_permissions_boundary(
        RoleName=arn.rpartition("/")[2], PermissionsBoundary=made["Policy"]["Arn"]
    )
    return as_role(arn)("sagemaker")


def job() -> dict[str, Any]:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/x:1"
    return {
        "TrainingJobName": "any", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody",
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File", "ContainerEntrypoint": ["x"]},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out", "KmsKeyId": KEY},
        "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10,
                           "VolumeKmsKeyId": KEY},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "VpcConfig": {"Subnets": [SUBNET], "SecurityGroupIds": [GROUP]},
        "EnableInterContainerTrafficEncryption": True,
    }  # fmt: skip


def answer(sagemaker: Any, request: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as refused:
        sagemaker.create_training_job(**request)
    return str(refused.value.response["Error"]["Message"])


def test_a_job_within_the_guardrails_comes_past_them(sagemaker: Any) -> None:
    """What stops it then is that nothing here is its image."""
    said = answer(sagemaker, job())
    assert "not authorized" not in said
    assert "AlgorithmSpecification.TrainingImage" in said


OUTSIDE: tuple[tuple[str, Any], ...] = (
    ("ResourceConfig", {"InstanceType": "ml.p4d.24xlarge", "VolumeKmsKeyId": None}),
    ("ResourceConfig", {"VolumeKmsKeyId": None}),
    ("ResourceConfig", {"VolumeKmsKeyId": KEY.replace(ACCOUNT, "999999999999")}),
    ("StoppingCondition", {"MaxRuntimeInSeconds": 3601}),
    ("StoppingCondition", {"MaxRuntimeInSeconds": None}),
    ("OutputDataConfig", {"KmsKeyId": None}),
    ("OutputDataConfig", {"KmsKeyId": KEY.replace("1234abcd", "1234abce")}),
    ("VpcConfig", None),
    ("VpcConfig", {"Subnets": [SUBNET, "subnet-0fffffffffffffff0"]}),
    ("VpcConfig", {"SecurityGroupIds": ["sg-0fffffffffffffff0"]}),
    ("EnableInterContainerTrafficEncryption", False),
    ("EnableInterContainerTrafficEncryption", None),
)
"""Each one thing that is wrong, None what is left out."""


def test_a_job_outside_of_them_is_denied_to_a_role_that_is_granted_everything(sagemaker: Any) -> None:
    for part, changed in OUTSIDE:
        request = copy.deepcopy(job())
        whole = request.pop(part)
        if isinstance(changed, dict):
            request[part] = {name: value for name, value in (whole | changed).items() if value is not None}
        elif changed is not None:
            request[part] = changed
        said = answer(sagemaker, request)
        assert "is not authorized to perform: sagemaker:CreateTrainingJob" in said, (part, changed)
        assert "explicit deny" in said, (part, changed)
