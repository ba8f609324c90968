"""Where an incident is played: one environment of an embedded cloud, and what has to be put back afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from trainyard.local.cloud import ACCOUNT, REGION, Cloud, CloudError
from trainyard.operations.connection import Connection, OperationError

Found = TypeVar("Found")
_LOOK_SECONDS = 0.3
GIVEN: Final = ("ENVIRONMENT", "AWS_ACCOUNT", "AWS_REGION")
"""Variables that every runbook's commands find."""


class IncidentFailed(OperationError):
    """An alarm did not fire, a command of the runbook failed, or the end is not as it must be."""


@dataclass
class Scene:
    """What an incident acts on. Leaving it takes back every fault, whatever happened."""

    connection: Connection
    environment: str
    say: Callable[[str], None] = lambda _: None
    """Tells whoever watches what is waited for."""
    variables: dict[str, str] = field(default_factory=dict)
    """What the runbook's commands find in their environment."""
    _afterwards: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.variables |= dict(zip(GIVEN, (self.environment, ACCOUNT, REGION), strict=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._afterwards.close()

    @property
    def cloud(self) -> Cloud:
        """The embedded cloud."""
        assert self.connection.cloud is not None, "an incident is played on the embedded cloud alone"
        return self.connection.cloud

    def client(self, service: str) -> Any:
        """A boto3 client of the cloud's administrator."""
        return self.connection.client(service)

    def stack(self, name: str) -> str:
        """Full name of a stack of the environment."""
        return f"trainyard-{self.environment}-{name}"

    def topic(self, severity: str) -> str:
        """ARN of the environment's topic of a severity."""
        return f"arn:aws:sns:{REGION}:{ACCOUNT}:trainyard-{self.environment}-{severity}"

    def output(self, stack: str, name: str) -> str:
        """An output of a stack of the environment.

        Raises:
            OperationError: The stack has none of that name.
        """
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack(stack))["Stacks"]
        for entry in found.get("Outputs", []):
            if entry["OutputKey"] == name:
                return str(entry["OutputValue"])
        raise OperationError(f"{self.stack(stack)}: it has no output {name}. Deploy it anew")

    def threshold(self, alarm: str) -> float:
        """From where on an alarm is raised, in its metric's unit."""
        (found,) = self.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return float(found["Threshold"])

    def fault(self, kind: str, **request: Any) -> str:
        """Ask the embedded cloud for a fault, and take it back when the scene is left.

        Args:
            kind: Kind of fault, as InjectFault has it.
            request: Its further fields.

        Returns:
            The fault's id.
        """
        found = str(self.cloud.call("InjectFault", Kind=kind, **request)["FaultId"])
        self.afterwards(lambda: self.clear(found))
        return found

    def clear(self, fault: str) -> None:
        """Take a fault back; one that has struck is no error."""
        self.cloud.call("ClearFaults", FaultId=fault)

    def afterwards(self, action: Callable[[], object]) -> None:
        """Do something when the scene is left, the last first; what fails then keeps no other from being done."""

        def quietly() -> None:
            # A cloud that was stopped meanwhile has nothing left to be put back.
            with suppress(CloudError, OperationError, OSError), _unless_refused():
                action()

        self._afterwards.callback(quietly)

    def wait(self, look: Callable[[], Found | None], seconds: float, what: str) -> Found:
        """The first true value that ``look`` gives.

        Args:
            look: Asked again and again.
            seconds: Longest time.
            what: What is waited for, for the one who watches and for the error.

        Raises:
            IncidentFailed: It did not come about in time.
        """
        self.say(f"waiting for {what}")
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() >= deadline:
                raise IncidentFailed(f"{what}: it did not come about within {seconds:.0f} s")
            time.sleep(_LOOK_SECONDS)


def _unless_refused() -> suppress:
    # boto3 takes 0.4 s to import: a command that lists incidents answers without it.
    from botocore.exceptions import BotoCoreError, ClientError

    return suppress(BotoCoreError, ClientError)


def require(condition: bool, failure: str) -> None:
    """Hold one thing that the end must be.

    Raises:
        IncidentFailed: It is not so; ``failure`` says how it is.
    """
    if not condition:
        raise IncidentFailed(failure)
