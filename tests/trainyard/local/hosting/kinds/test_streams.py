"""Answers that come in parts."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import EventStreamError

from ..conftest import Maker
from .conftest import body

pytestmark = pytest.mark.slow


def test_a_stream_reaches_the_client_while_the_model_still_speaks(make: Maker) -> None:
    name = make.endpoint(make.config(make.model("add 10")))
    ask = {"EndpointName": name, "ContentType": "application/json"}
    began = time.monotonic()
    answer = make.runtime.invoke_endpoint_with_response_stream(Body=body(1, 2, 3, wanted="stream slowly"), **ask)
    times, parts = [], []
    for event in answer["Body"]:
        times.append(time.monotonic() - began)
        parts.append(event["PayloadPart"]["Bytes"])
    assert b"".join(parts) == b"data: 11\n\ndata: 12\n\ndata: 13\n\n"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/event-stream", "variant-1")
    assert times[-1] - times[0] > 0.5
    broken = make.runtime.invoke_endpoint_with_response_stream(Body=body(1, wanted="stream and break"), **ask)
    with pytest.raises(EventStreamError, match="ModelStreamError"):
        list(broken["Body"])
    with pytest.raises(make.runtime.exceptions.ModelError, match="Stub process"):
        make.runtime.invoke_endpoint_with_response_stream(Body=body(1, wanted="stub"), **ask)
