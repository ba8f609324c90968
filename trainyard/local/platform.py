"""How the families of the cloud's own services use the rest of the cloud."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol


class Credentials(Protocol):
    """Temporary credentials of a role session."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...


class LocalPlatform:
    """Clients over HTTP with the cloud itself, and look-ups in its memory.

    Clients are for threads only: an operation runs on the server's event loop when CloudFormation calls it, and a
    request to oneself would wait for ever there.
    """

    def __init__(
        self,
        endpoint_url: str,
        region: str,
        *,
        assume: Callable[[str, str], Credentials],
        exists: Callable[[str, str], bool],
    ) -> None:
        """Composes a platform.

        Args:
            endpoint_url: where the cloud listens.
            region: the cloud's region.
            assume: opens a session of a role (ARN, session name) as the SageMaker service.
            exists: whether a resource (kind, ARN or name) exists.
        """
        self.endpoint_url = endpoint_url
        self.region = region
        self._assume = assume
        self._exists = exists
        self._clients: dict[tuple[str, ...], Any] = {}
        # A session reads the definitions of an API once, 0.1 s each, and is not safe to share between threads while it
        # makes clients.
        self._session: Any = None
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """A boto3 client with the administrator's credentials."""
        return self._client(service, (), {"aws_access_key_id": "test", "aws_secret_access_key": "test"})

    def role_client(self, service: str, role_arn: str, session_name: str) -> Any:
        """A boto3 client with a session of the role, opened once for each (role, session name).

        Raises:
            ServiceError: ValidationException when SageMaker may not assume the role.
        """
        session = self._assume(role_arn, session_name)
        return self._client(
            service,
            (session.access_key_id,),
            {
                "aws_access_key_id": session.access_key_id,
                "aws_secret_access_key": session.secret_access_key,
                "aws_session_token": session.session_token,
            },
        )

    def role_environment(self, role_arn: str, session_name: str) -> dict[str, str]:
        """Credentials of a session of the role as environment variables, with the cloud's endpoint and region.

        Raises:
            ServiceError: ValidationException when SageMaker may not assume the role.
        """
        session = self._assume(role_arn, session_name)
        return {
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def exists(self, kind: str, arn_or_name: str) -> bool:
        """Whether a resource exists; in-process, so safe inside an operation.

        Kinds: `role` (it also has to trust sagemaker.amazonaws.com), `bucket`, `subnet`, `security_group`, `key`,
        `alarm`, `topic`, `secret`, `database` (by its endpoint's name), `eks_cluster`, `hyperpod_role` (it has to
        trust hyperpod.sagemaker.amazonaws.com), `lustre` (by what it is mounted as), `budgets_role` (it has to trust
        budgets.amazonaws.com).
        """
        return self._exists(kind, arn_or_name)

    def close(self) -> None:
        """Ends the connections that clients keep open: a server that stops would wait for them."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, service: str, key: tuple[str, ...], credentials: dict[str, str]) -> Any:
        with self._lock:
            found = self._clients.get((service, *key))
            if found is None:
                found = self._clients[service, *key] = self._new_client(service, credentials)
            return found

    def _new_client(self, service: str, credentials: dict[str, str]) -> Any:
        # boto3 costs 0.2 s to import, which the daemon's start need not pay.
        import boto3
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            s3={"addressing_style": "path"},
            max_pool_connections=32,
        )
        if self._session is None:
            self._session = boto3.session.Session()
        return self._session.client(
            service, endpoint_url=self.endpoint_url, region_name=self.region, config=config, **credentials
        )
