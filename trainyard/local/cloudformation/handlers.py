"""Resource types as handlers of the emulator's CloudFormation: what is refused before, and what is undone after."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.cloudformation.resource import Properties, Request, Resource

log = logging.getLogger(__name__)


class DeployError(ValueError):
    """A resource cannot be deployed as the template says."""


def _refused(resource: Resource, value: object, applied: Mapping[str, Any], path: str) -> str | None:
    """The first property path that the type's table does not hold."""
    if not applied:
        return None
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            if name not in applied:
                return here
            found = _refused(resource, inner, applied[name], here)
            if found:
                return found
    elif isinstance(value, list | tuple):
        for inner in value:
            found = _refused(resource, inner, applied, path)
            if found:
                return found
    return None


def check(resource: Resource, logical_id: str, properties: Properties) -> None:
    """Refuses what CloudFormation does not know, what the cloud does not apply, and what is missing.

    Raises:
        DeployError: One line with logical id, type and property.
    """
    schema, where = resource.schema, f"{logical_id} ({resource.type})"
    for name in properties:
        if name not in schema["properties"]:
            known = ", ".join(sorted(set(schema["properties"]) - set(schema["read_only"])))
            raise DeployError(f"{where}: extraneous key [{name}] is not permitted. The type's properties are {known}.")
        if name in schema["read_only"] and name not in resource.applied:
            raise DeployError(f"{where}: {name} is read-only: take it out of the template.")
    for name in schema["required"]:
        if name not in properties:
            raise DeployError(f"{where}: required key [{name}] not found. Give it.")
    refused = _refused(resource, properties, resource.applied, "")
    if refused:
        raise DeployError(
            f"{where}: the local cloud does not apply {refused}, and a property that is not applied is not accepted. "
            "Leave it out for this environment, or teach trainyard/local/cloudformation to apply it."
        )


def _attempt(name: str, work: Callable[[], Any]) -> None:
    """Tries to undo; what the user has to see is why it became necessary."""
    try:
        work()
    except ValueError as error:
        log.warning("%s could not be undone: %s", name, error)


def handlers(resource: Resource) -> dict[str, Any]:
    """The resource as the emulator's table of handlers wants it."""

    def guard(logical_id: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except DeployError:
            raise
        except ValueError as error:  # CallError, and a service's own refusals
            raise DeployError(f"{logical_id} ({resource.type}): {error}") from error

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, Any]]:
        def work() -> tuple[str, dict[str, Any]]:
            check(resource, logical_id, properties)
            identity = resource.make(Request(logical_id=logical_id, stack=stack, properties=properties))
            try:
                resource.apply(identity, {}, properties)
                return identity, resource.attributes(identity, properties)
            except Exception:
                # The stack has no record of it yet, so nobody else would remove it.
                _attempt(logical_id, lambda: resource.remove(identity, properties))
                raise

        made: tuple[str, dict[str, Any]] = guard(logical_id, work)
        return made

    def update(
        identity: str, old: Properties, new: Properties, _stack: str, logical_id: str | None = None
    ) -> tuple[str, dict[str, Any]]:
        name = logical_id or identity

        def work() -> tuple[str, dict[str, Any]]:
            check(resource, name, new)
            try:
                resource.apply(identity, old, new)
            except Exception:
                # A rollback does not come back to the resource whose own update failed.
                _attempt(name, lambda: resource.apply(identity, new, old))
                raise
            return identity, resource.attributes(identity, new)

        changed: tuple[str, dict[str, Any]] = guard(name, work)
        return changed

    def delete(identity: str, properties: Properties, logical_id: str | None = None) -> None:
        guard(logical_id or identity, lambda: resource.remove(identity, properties))

    return {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
        "delete_with_logical_id": True,
    }
