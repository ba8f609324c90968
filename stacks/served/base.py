"""What every endpoint of an environment has in common, and what the environment gives to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.budgets.tags import TEAM_NAME
from constructs_lib.network import Network
from constructs_lib.serving import Endpoint
from constructs_lib.serving.rollout import Rollout
from constructs_lib.storage import Storage
from constructs_lib.training import ContainerImage, Location
from constructs_lib.values import Value
from stacks.served.callers import Caller
from stacks.workload_training import WorkloadTraining

PACKAGES = "packages"
"""Where packed models lie in the artifact bucket, by workload and execution."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """Where the registered models of a workload come from."""

    group: str
    """Model package group."""
    image: ContainerImage
    """What serves them."""
    archives: Location
    """Where their archives lie."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What endpoints are given by the rest of the environment."""

    network: Network
    storage: Storage
    registered: Mapping[str, Registered]
    """By workload."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something that somebody may start, for an output of the stack."""

    name: str
    """Name of the output."""
    text: str
    """What is typed."""
    does: str
    """What comes of it."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What became of a value."""

    endpoint: Endpoint
    commands: tuple[Command, ...] = ()
    starters: tuple[iam.IRole, ...] = ()
    """Roles that change the endpoint by themselves."""


class Served(Value):
    """One endpoint of an environment, in a stack of its own."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    """Names the stack ``…-serving-NAME`` and the endpoint ``trainyard-ENVIRONMENT-NAME``."""
    callers: tuple[Caller, ...] = ()
    """Who may ask it; by default nobody but administrators of the account."""
    team: str | None = Field(default=None, pattern=TEAM_NAME)
    """The team that pays for it; the environment's by default."""
    rollout: SerializeAsAny[Rollout] | None = None
    """How an update reaches the endpoint, and what takes it back; None: all at once, whatever happens."""

    @property
    @abstractmethod
    def instances(self) -> int:
        """Instances in the network, at most."""

    @property
    @abstractmethod
    def hired(self) -> dict[str, int]:
        """Instances that are paid for, at most, by each type that may come."""

    def check(self, trainings: Mapping[str, WorkloadTraining]) -> None:
        """Refuse what the environment's pipelines do not make.

        Args:
            trainings: By workload.

        Raises:
            ContractError: With the field and the way out.
        """

    @abstractmethod
    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Bound:
        """Make the endpoint, and what belongs to it.

        Args:
            scope: The stack.
            platform: What the environment has.
            name: Name of the endpoint.
        """
