"""What the model servers of an endpoint tell of themselves: an operation of the embedded cloud alone.

SageMaker shows no container's own metrics. Here they are on loopback, and `trainyard load` reads batch sizes from them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from trainyard.local.api.operations import Answer, Caller, Request, operation
from trainyard.local.hosting.container import Container
from trainyard.local.hosting.deployment import Deployment

Serving = Callable[[str, str | None], AbstractContextManager[Deployment]]
"""What serves an endpoint, or one of its inference components."""


class Servers:
    """DescribeServers."""

    def __init__(self, serving: Serving) -> None:
        """Composes it."""
        self._serving = serving

    @operation("DescribeServers")
    def describe_servers(self, request: Request, _: Caller) -> Answer:
        """Each healthy server's metrics, in Prometheus' text format."""
        with self._serving(request["EndpointName"], request.get("InferenceComponentName")) as deployment:
            found = [
                (variant.plan.name, serving)
                for variant in deployment.variants
                for replica in variant.replicas
                if isinstance(serving := replica.serving, Container)
            ]
            return {"Servers": [{"VariantName": name, "Metrics": serving.metrics()} for name, serving in found]}
