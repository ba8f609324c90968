"""Models, endpoint configurations and endpoints that run: the embedded cloud's hosting."""

from collections.abc import Mapping

from trainyard.local.api.service import Context
from trainyard.local.hosting.configs import Configs
from trainyard.local.hosting.endpoints import Endpoints
from trainyard.local.hosting.invocation import Answer, Invocations
from trainyard.local.hosting.models import Models

__all__ = ["Answer", "Hosting"]


class Hosting(Models, Configs, Endpoints):
    """The family of hosting operations, and InvokeEndpoint."""

    def __init__(self, context: Context) -> None:
        """Composes the family."""
        Models.__init__(self, context)
        Configs.__init__(self, context)
        Endpoints.__init__(self, context)
        self._invocations = Invocations(context)

    def invoke(self, name: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """InvokeEndpoint.

        Raises:
            ServiceError: ValidationError, or ServiceUnavailable.
        """
        with self.serving(name) as deployment:
            return self._invocations.invoke(name, deployment, body, headers)

    def stop(self) -> None:
        """Ends every model server and sends the rest of the metrics."""
        super().stop()
        self._invocations.stop()
