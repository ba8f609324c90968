"""InvokeEndpointWithResponseStream: a container's answer as events, while it comes."""

from collections.abc import Iterator

from trainyard.local.hosting.event_stream import CONTENT_TYPE, model_stream_error, payload_part
from trainyard.local.hosting.exchange import StreamedReply
from trainyard.local.hosting.invocation_request import CUSTOM

_BROKEN, _TIMED_OUT = 500, 0


class Events:
    """The events of one answer."""

    def __init__(self, streamed: StreamedReply) -> None:
        """Takes what a container began to answer."""
        self.status = streamed.status
        """The container's status; another one when the answer broke off."""
        self._streamed = streamed

    def __iter__(self) -> Iterator[bytes]:
        """One event for each piece, and one that says so when the pieces end too early."""
        name = self._streamed.container
        try:
            for part in self._streamed.parts:
                yield payload_part(part)
        except TimeoutError:
            self.status = _TIMED_OUT
            yield model_stream_error(
                f"Your model {name} did not complete sending the inference response in the allotted time.",
                "ModelInvocationTimeExceeded",
            )
        except OSError as error:
            self.status = _BROKEN
            yield model_stream_error(f"The stream from {name} broke off: {error}", "StreamBroken")


def stream_headers(variant: str, streamed: StreamedReply) -> dict[str, str]:
    """Headers of a streamed answer."""
    headers = {
        "Content-Type": CONTENT_TYPE,
        "X-Amzn-SageMaker-Content-Type": streamed.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": variant,
    }
    if streamed.headers.get(CUSTOM):
        headers["X-Amzn-SageMaker-Custom-Attributes"] = streamed.headers[CUSTOM]
    return headers
