"""Requests and answers that are kept."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from ..conftest import Maker
from .conftest import Clients, body

pytestmark = pytest.mark.slow


def test_captured_data_has_the_documented_form_and_place(make: Maker, clients: Clients) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://data/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    name = make.endpoint(make.config(make.model("add 1"), DataCaptureConfig=capture))
    shown = make.sagemaker.describe_endpoint(EndpointName=name)["DataCaptureConfig"]
    assert (shown["CaptureStatus"], shown["CurrentSamplingPercentage"]) == ("Started", 100)
    make.invoke(name, body(1), InferenceId="first")
    make.invoke(name, body(2), ContentType="text/other")
    lines: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    while len(lines) < 2 and time.monotonic() < deadline:
        listed = clients("s3").list_objects_v2(Bucket="data", Prefix=f"captured/{name}/variant-1/").get("Contents", [])
        texts = [clients("s3").get_object(Bucket="data", Key=row["Key"])["Body"].read() for row in listed]
        lines = [json.loads(line) for text in texts for line in text.splitlines()]
        time.sleep(0.1)
    by_type = {line["captureData"]["endpointInput"]["observedContentType"]: line for line in lines}
    first = by_type["application/json"]
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "application/json", "mode": "INPUT", "data": body(1).decode(), "encoding": "JSON",
    }  # fmt: skip
    assert json.loads(first["captureData"]["endpointOutput"]["data"])["data"] == [2]
    assert (first["eventMetadata"]["inferenceId"], first["eventVersion"]) == ("first", "0")
    assert by_type["text/other"]["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert re.fullmatch(r"captured/[^/]+/variant-1/\d{4}/\d\d/\d\d/\d\d/[\w-]+\.jsonl", listed[0]["Key"])
