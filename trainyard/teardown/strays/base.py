"""What runs or lies outside of the stacks because of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from trainyard.teardown.bills import NOTHING, Bill, Tariff
from trainyard.teardown.deployed import Stack
from trainyard.teardown.holders import Say
from trainyard.teardown.looking import Look


class When(IntEnum):
    """When a thing outside of the stacks goes."""

    TRIGGERS = 0
    """First: nothing new begins."""
    RUNS = 1
    """What began ends, before anything that it uses goes."""
    IDLE = 2
    """What runs left waiting."""
    HOSTING = 3
    """What serves, before the roles, buckets and subnets of the stacks that it uses."""
    NETWORK = 4
    """What lies in the network, once nobody makes it again, and before the network."""
    LAST = 5
    """After all stacks: whoever writes it is gone."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What is known before strays are looked for."""

    look: Look
    stacks: Mapping[str, Stack]
    tags: Mapping[str, str]
    """Of the environment."""
    prefix: str
    """What names of the environment's things start with."""
    tariff: Tariff
    roles: frozenset[str] = field(default_factory=frozenset)
    """Names of the stacks' roles."""

    def of(self, *types: str) -> list[str]:
        """Physical ids of the stacks' resources of these types."""
        return [each.physical for stack in self.stacks.values() for each in stack.resources if each.type in types]

    def role(self, arn: object) -> bool:
        """Whether a role is one of the stacks'."""
        return str(arn).rpartition("/")[2] in self.roles

    def tagged(self, tags: list[dict[str, Any]]) -> bool:
        """Whether tags are the environment's."""
        given = {each["Key"]: each["Value"] for each in tags}
        return bool(self.tags) and all(given.get(key) == value for key, value in self.tags.items())


@dataclass(frozen=True, kw_only=True)
class Stray(ABC):
    """One of them."""

    what: str
    """For people: ``training job pipelines-abc-Train``."""
    why: str
    """Why it goes, or what it would do."""
    bill: Bill = NOTHING
    when: When
    data: bool = False
    """Whether it holds what is asked for by name before it goes."""
    record: bool = False
    """Whether it is one of the records that one word confirms together."""
    in_network: bool = False
    """Whether it holds an address of the network: kept, it keeps the network."""

    @property
    def name_typed(self) -> str:
        """What is typed to let it go."""
        return self.what.rpartition(" ")[2]

    @abstractmethod
    def remove(self, look: Look, say: Say) -> None:
        """Stop or delete it, and wait until that is done; what is gone already is no error."""
