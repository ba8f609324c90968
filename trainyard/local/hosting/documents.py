"""Documents of endpoints, and of inference components: made once, found, and changed only while they serve."""

import time
from collections.abc import Callable
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Context
from trainyard.local.hosting.plan import Plan
from trainyard.local.hosting.statuses import SERVING

_BUSY = ("Creating", "Updating", "RollingBack", "Deleting")


class Documents:
    """The documents of one kind in the store."""

    def __init__(self, context: Context, kind: str, called: str) -> None:
        """Of a kind; messages say what one is called."""
        self._context, self._store, self._kind, self._called = context, context.store, kind, called

    def arn(self, name: str) -> str:
        """ARN of one."""
        return self._context.arn(f"{self._kind}/{name}")

    def find(self, name: str) -> dict[str, Any]:
        """One that is there.

        Raises:
            ServiceError: ValidationException, it is not.
        """
        found = self._store.get(self._kind, name)
        if found is None:
            raise invalid(f'Could not find {self._called} "{self.arn(name)}".')
        return found

    def insert(self, name: str, plan: Plan, **fields: Any) -> None:
        """A new one, about to serve a plan.

        Raises:
            ServiceError: ValidationException, the name is taken.
        """
        now = time.time()
        document = {
            "Name": name,
            "EndpointConfigName": plan.config,
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            "Plan": None,
            "Pending": plan.to_json(),
            **fields,
        }
        try:
            self._store.insert(self._kind, name, document)
        except ServiceError as error:
            raise invalid(f'Cannot create already existing {self._called} "{self.arn(name)}".') from error

    def change(self, name: str, verb: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Changes one that is in service, as one step, and returns it.

        Args:
            name: of which.
            verb: what is done to it, for messages.
            change: edits its document; what it raises leaves everything as it was.

        Raises:
            ServiceError: ValidationException, it is not there, or not in service.
        """

        def edit(document: dict[str, Any]) -> None:
            arn, now = self.arn(document["Name"]), document["EndpointStatus"]
            if now in _BUSY:
                raise invalid(f'Cannot {verb} in-progress {self._called} "{arn}".')
            if now not in SERVING:
                raise invalid(f'Cannot {verb} {self._called} "{arn}": it is {now}. Delete it and create it again.')
            change(document)
            document["LastModifiedTime"] = time.time()

        self.find(name)
        return self._store.modify(self._kind, name, edit)

    def leave(self, name: str) -> None:
        """It is about to end."""
        self._store.update(self._kind, name, EndpointStatus="Deleting", LastModifiedTime=time.time())
