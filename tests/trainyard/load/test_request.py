"""What is signed, for whom, and how long."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from ml_contract.errors import ContractError
from trainyard.load.request import Signed, check_seconds
from trainyard.operations.connection import Connection


def _connection(**more: Any) -> Connection:
    client = boto3.session.Session().client(
        "sagemaker-runtime", region_name="eu-central-1", aws_access_key_id="AKIA", aws_secret_access_key="s", **more
    )
    return Connection(None, {"sagemaker-runtime": client})


def test_a_request_to_aws_is_botocores_own() -> None:
    """Address, headers of parameters and the signature, without a byte on the wire."""
    source = Signed(connection=_connection(), endpoint="bytes", body=b"{}", more={"TargetModel": "m.tar.gz"})
    request = source.request()
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert request.url == "https://runtime.sagemaker.eu-central-1.amazonaws.com/endpoints/bytes/invocations"
    assert headers["x-amzn-sagemaker-target-model"] == "m.tar.gz"
    assert "/eu-central-1/sagemaker/aws4_request" in headers["authorization"]
    assert (request.body, "content-length" in headers) == (b"{}", False)


def test_every_request_is_signed_anew() -> None:
    """The hook that catches it is gone afterwards: two requests, two catches."""
    source = Signed(connection=_connection(), endpoint="bytes", body=b"{}")
    assert source.request().url == source.request().url


@pytest.mark.parametrize("seconds", [0, -1, 241])
def test_a_level_must_end_before_its_signature_does(seconds: float) -> None:
    """AWS takes one for five minutes."""
    with pytest.raises(ContractError, match="--seconds"):
        check_seconds(seconds)
