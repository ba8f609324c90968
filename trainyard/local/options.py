"""How the daemon is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainyard.local.presence import Presence


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the daemon is started."""

    state: Path
    """Folder of everything the cloud keeps."""
    port: int
    """TCP port on 127.0.0.1."""
    environments: Path
    """Folder of the Python environments that stand for container images."""
    plain_transport: bool
    """Whether `aws:SecureTransport` is false, as the listener's plain HTTP would have it on AWS."""
    snapshot_seconds: float
    """Least time between two snapshots of the emulator's services, in seconds: what a kill can lose."""
    isolation: Literal["auto", "namespaces", "processes"]
    """How hosts of a job are kept apart: auto, namespaces or processes."""
    grace_seconds: float
    """Longest time between SIGTERM and SIGKILL for a stopped job, in seconds."""
    minute_seconds: float
    """What alarms, scaling policies and state machines take for a minute, in seconds; less than 60 is for tests."""
    budget_seconds: float
    """Time between two evaluations of the budgets, in seconds."""

    @property
    def endpoint_url(self) -> str:
        """Where every service answers."""
        return self.presence.endpoint_url

    @property
    def presence(self) -> Presence:
        """How others find the daemon."""
        return Presence(self.state, self.port)
