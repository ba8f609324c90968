"""An embedded cloud for a benchmark, with endpoints on it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainyard.local.cloud import ACCOUNT, REGION, Cloud
from trainyard.operations.connection import Connection
from trainyard.tune.server import free_port

IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/sagemaker-tritonserver:26.05-py3"
_BUCKET, _ROLE = "benchmark", "benchmark"
_TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
_POLICY = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:PutMetricData"], "Resource": "*"}
_START_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A cloud with a bucket and a role."""

    connection: Connection
    """To the cloud."""

    def endpoint(self, name: str, archives: Mapping[str, bytes], *, many: bool, variables: Mapping[str, str]) -> None:
        """Create an endpoint on one ml.c5.large and wait until it serves.

        Args:
            name: Of the endpoint and of everything below it.
            archives: One model.tar.gz, or many by the names that TargetModel takes.
            many: Multi-model mode.
            variables: Environment of the container.
        """
        s3, sagemaker = self.connection.client("s3"), self.connection.client("sagemaker")
        for key, content in archives.items():
            s3.put_object(Bucket=_BUCKET, Key=f"{name}/{key}", Body=content)
        container: dict[str, Any] = {"Image": IMAGE, "Environment": dict(variables)}
        container["ModelDataUrl"] = f"s3://{_BUCKET}/{name}/" + ("" if many else next(iter(archives)))
        if many:
            container["Mode"] = "MultiModel"
        role = f"arn:aws:iam::{ACCOUNT}:role/{_ROLE}"
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
        variant = {"VariantName": "only", "ModelName": name, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            found = sagemaker.describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] != "Creating":
                break
            time.sleep(0.2)
        assert found["EndpointStatus"] == "InService", found


@contextmanager
def platform() -> Iterator[Platform]:
    """A cloud of its own, gone with the block."""
    with tempfile.TemporaryDirectory() as state:
        cloud = Cloud(Path(state), free_port())
        cloud.up()
        try:
            connection = Connection(cloud)
            connection.client("s3").create_bucket(Bucket=_BUCKET)
            iam = connection.client("iam")
            trust = json.dumps({"Version": "2012-10-17", "Statement": [_TRUST]})
            iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=trust)
            policy = json.dumps({"Version": "2012-10-17", "Statement": [_POLICY]})
            iam.put_role_policy(RoleName=_ROLE, PolicyName="all", PolicyDocument=policy)
            yield Platform(connection=connection)
        finally:
            cloud.down()
