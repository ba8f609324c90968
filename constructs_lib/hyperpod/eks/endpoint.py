"""Where the API of a control plane answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pydantic import Field, field_validator

from constructs_lib.values import Value
from ml_contract.errors import reject


class Endpoint(Value, ABC):
    """Where the API answers."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of ResourcesVpcConfig, by the names of CDK."""


class PrivateEndpoint(Endpoint):
    """Inside the network only: whoever installs charts does it from there."""

    def render(self) -> dict[str, Any]:
        return {"endpoint_private_access": True, "endpoint_public_access": False}


class RestrictedEndpoint(Endpoint):
    """Inside the network, and for some addresses outside."""

    cidrs: tuple[str, ...] = Field(min_length=1, max_length=40)
    """Blocks that may call, each at most a /8."""

    @field_validator("cidrs")
    @classmethod
    def _check_cidrs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for block in value:
            length = block.rpartition("/")[2]
            if not length.isdigit() or int(length) < 8:
                reject("", block, "an API for everyone is no restriction", "Write the blocks of your networks.")
        return value

    def render(self) -> dict[str, Any]:
        return {
            "endpoint_private_access": True,
            "endpoint_public_access": True,
            "public_access_cidrs": list(self.cidrs),
        }
