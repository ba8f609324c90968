"""What types share whose service is one of the cloud's own, beside SageMaker."""

from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Service
from trainyard.local.cloudformation.aws import CallError, fit, service_model
from trainyard.local.cloudformation.resource import Resource


class ServedResource(Resource):
    """A type whose resources a service of the cloud makes."""

    service_name: ClassVar[str]
    """The service, as botocore names its model."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._model = service_model(self.service_name)

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Calls an operation of the service as the account's administrator.

        Raises:
            CallError: The service refused it.
        """
        shape: Any = self._model.operation_model(operation).input_shape
        account = get_account_id()
        caller = Caller(account=account, region=get_region(), arn=f"arn:aws:iam::{account}:root")
        try:
            return self._service.call(operation, fit(shape, parameters), caller)
        except ServiceError as error:
            raise CallError(f"{error.message} ({self.service_name}:{operation}, {error.code})", error.code) from error
