"""Models, endpoint configurations and endpoints that run: the embedded cloud's hosting."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from trainyard.local.api.service import Context
from trainyard.local.hosting.asynchronous import AsyncInvocations
from trainyard.local.hosting.configs import Configs
from trainyard.local.hosting.endpoints import Endpoints
from trainyard.local.hosting.invocation import Answer, Invocations
from trainyard.local.hosting.invocation_request import COMPONENT
from trainyard.local.hosting.models import Models
from trainyard.local.hosting.parts import Parts

__all__ = ["Answer", "Hosting"]


class Hosting(Models, Configs, Endpoints):
    """The family of hosting operations, and the invocations."""

    def __init__(self, context: Context) -> None:
        """Composes the family."""
        Models.__init__(self, context)
        Configs.__init__(self, context)
        Endpoints.__init__(self, context)
        self._invocations = Invocations(context)
        self._queue = AsyncInvocations(context, self._invocations, self.serving)

    def invoke(self, operation: str, name: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """InvokeEndpoint, InvokeEndpointAsync and InvokeEndpointWithResponseStream.

        Args:
            operation: which of them.
            name: name of the endpoint.
            body: the request's body.
            headers: the request's headers, in any case.

        Raises:
            ServiceError: ValidationError, ServiceUnavailable, ModelNotReadyException or ThrottlingException.
        """
        with ExitStack() as stack:
            component = next((value for key, value in headers.items() if key.lower() == COMPONENT), None)
            deployment = stack.enter_context(self.serving(name, component))
            if operation == "InvokeEndpoint":
                return self._invocations.invoke(name, deployment, body, headers)
            if operation == "InvokeEndpointAsync":
                return self._queue.accept(name, deployment, body, headers)
            answer = self._invocations.stream(name, deployment, body, headers)
            if answer.parts is None:
                return answer
            return replace(answer, parts=Parts(answer.parts, stack.pop_all().close))

    def start(self) -> None:
        """Serves again what was in service, and answers what was queued."""
        super().start()
        self._queue.start()

    def stop(self) -> None:
        """Ends every model server and sends the rest of the metrics."""
        self._queue.stop()
        super().stop()
        self._invocations.stop()
