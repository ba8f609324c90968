"""Which cloud is talked to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from trainyard.local.cloud import Cloud, CloudError


class OperationError(RuntimeError):
    """Something that the operator asked for cannot be done. The message is one line."""


@dataclass(frozen=True)
class Connection:
    """Clients of one cloud."""

    cloud: Cloud | None
    """The embedded cloud, or ``None`` for whatever the AWS configuration of the environment names."""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client, made once."""
        if service not in self._clients:
            # boto3 takes 0.4 s to import: commands that call no AWS answer without it.
            import boto3
            from botocore.config import Config

            config = Config(retries={"mode": "standard", "max_attempts": 4})
            settings: dict[str, Any] = {}
            if self.cloud is not None:
                local = self.cloud.environment()
                settings = {
                    "endpoint_url": local["AWS_ENDPOINT_URL"],
                    "aws_access_key_id": local["AWS_ACCESS_KEY_ID"],
                    "aws_secret_access_key": local["AWS_SECRET_ACCESS_KEY"],
                    "region_name": local["AWS_REGION"],
                }
            # Not boto3's default session, which keeps credentials that the environment held before.
            make_client: Any = boto3.session.Session().client  # its overloads want a literal name
            self._clients[service] = make_client(service, config=config, **settings)
        return self._clients[service]

    @property
    def is_near(self) -> bool:
        """Whether it is a cloud of this machine, which may be asked every second."""
        address = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
        return self.cloud is not None or address in ("127.0.0.1", "localhost")

    @property
    def name(self) -> str:
        """Where the calls go, for a user to read."""
        if self.cloud is not None:
            return f"the embedded cloud at {self.cloud.endpoint_url}"
        return os.environ.get("AWS_ENDPOINT_URL") or "AWS"


def connect(cloud: Cloud | None) -> Connection:
    """Connect to the embedded cloud, or with ``None`` to AWS.

    Raises:
        CloudError: The embedded cloud is not running.
    """
    if cloud is not None and not cloud.status().running:
        raise CloudError(f"the embedded cloud is not running on port {cloud.port}. Start it with `trainyard local up`")
    return Connection(cloud)
