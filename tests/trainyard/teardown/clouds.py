"""A cloud that answers what it is told to, and remembers what was asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from trainyard.teardown.looking import Look


def failure(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message or code}}, "Operation")


class Client:
    """Of one service: operation → answer, error, or function of the request."""

    def __init__(self, answers: Mapping[str, Any], asked: list[tuple[str, dict[str, Any]]]) -> None:
        self._answers, self._asked = answers, asked
        self.meta = type("Meta", (), {"region_name": answers.get("region", "us-east-1")})

    def can_paginate(self, operation: str) -> bool:
        return False

    def get_paginator(self, operation: str) -> Any:
        call = getattr(self, operation)
        return type("Pages", (), {"paginate": staticmethod(lambda **request: [call(**request)])})

    def __getattr__(self, operation: str) -> Any:
        def call(*names: Any, **request: Any) -> Any:
            self._asked.append((operation, request))
            answer = self._answers.get(operation, {})
            if callable(answer):
                answer = answer(*names, **request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class Connection:
    """Of services by name."""

    cloud: Any = None
    name = "a cloud of tests"

    def __init__(self, services: Mapping[str, Mapping[str, Any]]) -> None:
        self._services = services
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def client(self, service: str) -> Client:
        return Client(self._services.get(service, {}), self.asked)


def look(**services: Mapping[str, Any]) -> Look:
    connection: Any = Connection(services)
    return Look(connection)


def asked(cloud: Look) -> dict[str, Any]:
    """The last request of each operation that the cloud was asked for."""
    connection: Any = cloud.connection
    return dict(connection.asked)
