"""Hosting through the resource classes of the SageMaker Python SDK v3, which nobody here wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from trainyard.local.cloud import Cloud

from .conftest import IMAGE, LOGS, READ, request

pytestmark = pytest.mark.slow


def test_deploy_invoke_update_and_delete(
    cloud: Cloud,
    client: Callable[[str], Any],
    role: Callable[..., str],
    bucket: str,
    archives: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resources = pytest.importorskip("sagemaker.core.resources", reason="the SageMaker SDK is not installed")
    import boto3
    from sagemaker.core.shapes import ContainerDefinition, ProductionVariant

    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session()
    arn = role(READ, LOGS)
    for archive in ("good", "other"):
        client("s3").put_object(Bucket=bucket, Key=f"{archive}/model.tar.gz", Body=archives[archive])
        resources.Model.create(
            model_name=f"sdk-{archive}",
            primary_container=ContainerDefinition(
                image=IMAGE, model_data_url=f"s3://{bucket}/{archive}/model.tar.gz", environment={"A": "b"}
            ),
            execution_role_arn=arn,
            session=session,
        )
        resources.EndpointConfig.create(
            endpoint_config_name=f"sdk-{archive}",
            production_variants=[
                ProductionVariant(
                    variant_name="live",
                    model_name=f"sdk-{archive}",
                    instance_type="ml.c5.xlarge",
                    initial_instance_count=2,
                )
            ],
            session=session,
        )
    endpoint = resources.Endpoint.create(endpoint_name="sdk", endpoint_config_name="sdk-good", session=session)
    endpoint.wait_for_status("InService", poll=1, timeout=60)
    assert endpoint.production_variants[0].current_instance_count == 2

    def first() -> float:
        answer = endpoint.invoke(body=request(3), content_type="application/json", session=session)
        assert answer.invoked_production_variant == "live"
        return float(json.loads(answer.body.read())["outputs"][0]["data"][0])

    assert first() == 3.0
    config = resources.EndpointConfig.get("sdk-other", session=session)
    endpoint.endpoint_config_name = config.endpoint_config_name
    endpoint.update()
    endpoint.wait_for_status("InService", poll=1, timeout=60)
    endpoint.refresh()
    assert (endpoint.endpoint_config_name, first()) == ("sdk-other", 30.0)
    assert "sdk" in [found.endpoint_name for found in resources.Endpoint.get_all(session=session)]
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=30)
    resources.EndpointConfig.get("sdk-good", session=session).delete()
    resources.Model.get("sdk-good", session=session).delete()
