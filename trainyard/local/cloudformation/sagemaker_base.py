"""SageMaker types: their properties are the API's own parameters, so one mapping over its shapes does for all."""

import secrets
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Service
from trainyard.local.cloudformation.aws import CallError, fit, service_model
from trainyard.local.cloudformation.resource import (
    Properties,
    Request,
    Resource,
    tag_changes,
    tag_list,
)


class SageMaker(Resource):
    """A type of SageMaker's, made by Create…, found by Describe…, removed by Delete…."""

    noun: ClassVar[str]
    """The word in the operations' names."""
    reference: ClassVar[str] = "arn"
    """What Ref gives: arn or name."""
    updatable: ClassVar[tuple[str, ...]] = ()
    """Properties that Update… takes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._model = service_model("sagemaker")

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Calls an operation of the cloud's SageMaker as the account's administrator.

        Raises:
            CallError: The service refused it.
        """
        shape: Any = self._model.operation_model(operation).input_shape
        account = get_account_id()
        caller = Caller(account=account, region=get_region(), arn=f"arn:aws:iam::{account}:root")
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            return self._service.call(operation, fit(shape, given), caller)
        except ServiceError as error:
            raise CallError(f"{error.message} (sagemaker:{operation}, {error.code})", error.code) from error

    def name_of(self, identity: str) -> str:
        """The resource's name, from what Ref gives."""
        return identity.rpartition("/")[2]

    def parameters(self, properties: Properties) -> dict[str, Any]:
        """Properties in the words of the API."""
        return dict(properties)

    def describe(self, name: str) -> dict[str, Any]:
        """The resource as the service describes it."""
        return self.call(f"Describe{self.noun}", **{f"{self.noun}Name": name})

    def make(self, request: Request) -> str:
        name = request.name(f"{self.noun}Name", limit=63)
        given = {f"{self.noun}Name": name, "Tags": tag_list(request.properties) or None}
        self.call(f"Create{self.noun}", **{**self.parameters(request.properties), **given, **self._token("Create")})
        return name if self.reference == "name" else str(self.describe(name)[f"{self.noun}Arn"])

    def _token(self, verb: str) -> dict[str, str]:
        """The idempotency token that some operations want: every call of a handler is one request of its own."""
        shape: Any = self._model.operation_model(f"{verb}{self.noun}").input_shape
        return {"ClientRequestToken": secrets.token_hex(16)} if "ClientRequestToken" in shape.required_members else {}

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        self.change(identity, old, new)
        add, remove = tag_changes(old, new)
        arn = self.describe(self.name_of(identity))[f"{self.noun}Arn"]
        if remove:
            self.call("DeleteTags", ResourceArn=arn, TagKeys=remove)
        if add:
            self.call("AddTags", ResourceArn=arn, Tags=add)

    def change(self, identity: str, old: Properties, new: Properties) -> None:
        """Applies everything that may change, but the tags."""
        before, after = self.parameters(old), self.parameters(new)
        change = {name: after.get(name) for name in self.updatable if before.get(name) != after.get(name)}
        if change:
            self.update(identity, change)

    def update(self, identity: str, change: dict[str, Any]) -> None:
        """Calls Update… with the properties that changed."""
        self.call(f"Update{self.noun}", **{f"{self.noun}Name": self.name_of(identity)}, **change)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self.describe(self.name_of(identity))
        return {f"{self.noun}Arn": found[f"{self.noun}Arn"], f"{self.noun}Name": found[f"{self.noun}Name"]}

    def remove(self, identity: str, properties: Properties) -> None:
        try:
            self.describe(self.name_of(identity))
        except CallError:
            return
        self.call(f"Delete{self.noun}", **{f"{self.noun}Name": self.name_of(identity)}, **self._token("Delete"))
