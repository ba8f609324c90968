"""Answers that come in parts."""

from __future__ import annotations

import pytest
from botocore.exceptions import EventStreamError

from ..conftest import Gate, Maker
from .conftest import body

pytestmark = pytest.mark.slow


def test_a_stream_reaches_the_client_while_the_model_still_speaks(make: Maker, gate: Gate) -> None:
    name = make.endpoint(make.config(make.model("add 10")))
    ask = {"EndpointName": name, "ContentType": "application/json"}
    slowly = body(1, 2, 3, wanted=f"stream {gate.wanted}")
    answer = make.runtime.invoke_endpoint_with_response_stream(Body=slowly, **ask)
    events = iter(answer["Body"])
    # The model says no more until the gate opens.
    assert next(events)["PayloadPart"]["Bytes"] == b"data: 11\n\n"
    gate.open()
    assert b"".join(event["PayloadPart"]["Bytes"] for event in events) == b"data: 12\n\ndata: 13\n\n"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/event-stream", "variant-1")
    broken = make.runtime.invoke_endpoint_with_response_stream(Body=body(1, wanted="stream and break"), **ask)
    with pytest.raises(EventStreamError, match="ModelStreamError"):
        list(broken["Body"])
    with pytest.raises(make.runtime.exceptions.ModelError, match="Stub process"):
        make.runtime.invoke_endpoint_with_response_stream(Body=body(1, wanted="stub"), **ask)
