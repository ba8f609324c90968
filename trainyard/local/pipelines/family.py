"""The family of pipeline operations."""

import threading
from collections.abc import Callable

from trainyard.local.api.service import Context
from trainyard.local.pipelines.announcing import ExecutionAnnouncer
from trainyard.local.pipelines.calls import Clients
from trainyard.local.pipelines.definitions import PipelineOperations
from trainyard.local.pipelines.executions import ExecutionOperations
from trainyard.local.pipelines.records import EXECUTION
from trainyard.local.pipelines.runner import Runner

# AWS's name for the sessions in which it uses a role.
_SESSION = "SageMaker"


class Pipelines(PipelineOperations, ExecutionOperations):
    """Pipelines and their executions."""

    def __init__(self, context: Context, clients: Callable[[str], Clients] | None = None) -> None:
        """Composes the family.

        Args:
            context: what the families share.
            clients: gives, for a role's ARN, the clients with that role's credentials; None: the platform's.
        """
        self.context = context
        self.starting = threading.Lock()
        context.store.watch(EXECUTION, ExecutionAnnouncer(context).changed)
        self.runner = Runner(context.store, clients or self._role_clients)

    def start(self) -> None:
        """Goes on with the executions that had not ended when the cloud went down."""
        self.runner.resume()

    def stop(self) -> None:
        """Lets go of the executions that run: they go on when the cloud is back."""
        self.runner.close()

    def _role_clients(self, role_arn: str) -> Clients:
        return lambda service: self.context.platform.role_client(service, role_arn, _SESSION)
