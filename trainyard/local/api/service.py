"""A service: families of operations behind one service model."""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import botocore.session
from botocore.model import OperationNotFoundError, ServiceModel

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.listing import page, select
from trainyard.local.api.operations import Answer, Caller, Method, Request, operation, operations_of
from trainyard.local.api.shapes import trimmed, violations
from trainyard.local.api.store import Store

if TYPE_CHECKING:
    from trainyard.local.databases import Database
    from trainyard.local.faults import Faults

__all__ = ["Answer", "Caller", "Context", "Platform", "Request", "Service", "operation", "page", "select"]

_log = logging.getLogger(__name__)


class Platform(Protocol):
    """The rest of the cloud, as its services and their threads use it.

    Clients speak HTTP with the cloud itself: from threads only, never inside an operation (CloudFormation calls
    operations on the server's event loop). `exists` answers in-process.
    """

    @property
    def endpoint_url(self) -> str:
        """Where the cloud listens: http://127.0.0.1:PORT."""

    def client(self, service: str) -> Any:
        """A boto3 client with the administrator's credentials."""

    def role_client(self, service: str, role_arn: str, session_name: str) -> Any:
        """A boto3 client with a session of the role."""

    def role_environment(self, role_arn: str, session_name: str) -> dict[str, str]:
        """Credentials of a session of the role as environment variables."""

    def exists(self, kind: str, arn_or_name: str) -> bool:
        """Whether a role, bucket, subnet, security_group, key, alarm or topic exists."""


def _unheard(_kind: str, _arn: str, _detail: Mapping[str, Any]) -> None:
    """Where there is no EventBridge."""


def _unmeasured(_namespace: str, _name: str, _dimensions: Mapping[str, str], _value: float, _unit: str) -> None:
    """Where there is no CloudWatch."""


def _no_databases(_host: str) -> None:
    """Where there is no RDS."""


def _pullable(_uri: str) -> None:
    """Where there is no registry."""


@dataclass(kw_only=True)
class Context:
    """What the families of a service share."""

    store: Store
    """Their documents."""
    platform: Platform
    """The rest of the cloud."""
    state: Path
    """Folder for files that belong to the cloud's state."""
    account: str
    """Account id, twelve digits."""
    region: str
    """Region of the cloud."""
    faults: "Faults"
    """Faults that somebody asked for."""
    environments: Path = field(default_factory=lambda: Path(".trainyard/envs"))
    """Folder of the Python environments that stand for container images."""
    isolation: Literal["auto", "namespaces", "processes"] = "auto"
    """How hosts are kept apart; `auto` takes namespaces where the user is root."""
    grace_seconds: float = 120.0
    """Longest time between SIGTERM and SIGKILL, in seconds. AWS gives 120; only a shorter time makes sense here."""
    announce: Callable[[str, str, Mapping[str, Any]], None] = _unheard
    """Tells EventBridge of a resource: kind of event, ARN, detail."""
    measure: Callable[[str, str, Mapping[str, str], float, str], None] = _unmeasured
    """Gives CloudWatch a datum: namespace, name, dimensions, value, unit."""
    missing: Callable[[str], Literal["repository", "image"] | None] = _pullable
    """What an image's registry does not hold of it; None when it can be pulled."""
    now: Callable[[], float] = time.time
    """The cloud's clock, in seconds since 1970: what happens at a time of day follows it. Tests set one."""
    databases: "Callable[[str], Database | None]" = _no_databases
    """The database whose endpoint has that name; None where there is none."""
    minute_seconds: float = 60.0
    """What alarms and scaling policies take for a minute, in seconds; less is for tests that cannot wait."""
    budget_seconds: float = 10.0
    """Time between two evaluations of the budgets, in seconds. AWS takes eight hours and more."""

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource, for example `training-job/NAME`."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}"


class Service:
    """Validates requests against the service model, dispatches to families, trims answers to the output shape."""

    def __init__(self, model: str | ServiceModel, *families: object) -> None:
        """Composes a service.

        Args:
            model: a service of botocore (`sagemaker`), or a service model of our own.
            families: objects with methods marked by `operation`, and optionally `start()` and `stop()`.
        """
        self.model = _load(model) if isinstance(model, str) else model
        self.families = families
        self._methods: dict[str, Method] = {}
        for family in families:
            for name, method in operations_of(family):
                assert name in self.model.operation_names, f"{self.model.service_name} has no operation {name}"
                assert name not in self._methods, f"two families answer {name}"
                self._methods[name] = method

    @property
    def operations(self) -> Iterable[str]:
        """Names of the operations that are answered, sorted."""
        return sorted(self._methods)

    def call(self, name: str, request: Request, caller: Caller) -> Answer:
        """Answers one request.

        Raises:
            ServiceError: the request is invalid, the operation is unknown, or the operation says so.
        """
        method = self._methods.get(name)
        if method is None:
            raise ServiceError("UnknownOperationException", self._unknown(name))
        model = self.model.operation_model(name)
        if model.input_shape is not None:
            _check(violations(model.input_shape, request))
        given = {key: value for key, value in request.items() if value is not None}
        answer: Answer = trimmed(model.output_shape, method(given, caller))
        return answer

    def start(self) -> None:
        """Lets every family pick up what was running when the cloud went down."""
        self._each("start")

    def stop(self) -> None:
        """Lets every family end what it started."""
        self._each("stop")

    def _each(self, action: str) -> None:
        for family in self.families:
            method = getattr(family, action, None)
            if method is None:
                continue
            try:
                method()
            except Exception:
                # One family that cannot start or stop must not keep the others from it.
                _log.exception("%s: %s failed", type(family).__name__, action)

    def _unknown(self, name: str) -> str:
        supported = ", ".join(self.operations)
        try:
            self.model.operation_model(name)
        except OperationNotFoundError:
            return f"{self.model.service_name} has no operation {name!r}. Operations: {supported}"
        return f"The embedded cloud does not run {name}. It runs {supported}"


@functools.cache
def _load(name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(name)


def _check(broken: list[str]) -> None:
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected"
        raise invalid(f"{count}: {'; '.join(broken)}")
