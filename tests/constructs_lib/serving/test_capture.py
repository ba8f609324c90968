"""Requests and answers that are kept."""

import pytest
import serving_scenes as scenes
from synthesis import actions

from constructs_lib.serving import DataCapture
from constructs_lib.values import InvalidValue


@pytest.mark.slow
def test_a_share_of_both_is_written_under_the_buckets_key() -> None:
    config = scenes.part("Triton", "AWS::SageMaker::EndpointConfig")["DataCaptureConfig"]
    assert config["InitialSamplingPercentage"] == 20
    assert config["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert config["CaptureContentTypeHeader"] == {
        "CsvContentTypes": ["text/csv"],
        "JsonContentTypes": ["application/json"],
    }
    assert config["KmsKeyId"]["Fn::GetAtt"][0].startswith("StorageKey")


@pytest.mark.slow
def test_the_endpoint_writes_and_deletes_nothing() -> None:
    found = {action for statement in scenes.policy("TritonEndpointRole") for action in actions(statement)}
    assert "s3:PutObject" in found
    assert "s3:DeleteObject" not in found


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"percentage": 0}, "percentage: got 0"),
        ({"what": ()}, r"what: got \(\), but it names Input, Output"),
        ({"what": ("Input", "Input")}, "what: got .* each of them once"),
        ({"csv_types": ("application/json",)}, "csv_types: got 'application/json', but it is among json_types too"),
        ({"json_types": ("json",)}, "json_types.0: got 'json'"),
    ],
)
def test_what_cannot_be_kept_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        DataCapture(**{"location": scenes.light().place("captured"), "percentage": 10, **fields})
