"""What scales: what it did, and what it would do on the built-in day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainyard.operations.connection import Connection
from trainyard.scaling import deployed
from trainyard.scaling.simulation import Assumptions, Simulation, simulate
from trainyard.scaling.trace import built_in_day, per_instance
from trainyard.scaling.traffic import told


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One thing that scales: what it did, and what it would do on the built-in day."""

    resource: str
    """ResourceId of the scalable target."""
    activities: tuple[dict[str, Any], ...]
    """As DescribeScalingActivities has them, newest first."""
    day: Simulation | None
    """None where no policy tells how many requests an instance should get."""


def read(connection: Connection, endpoints: set[str]) -> Iterator[Scaling]:
    """What scales of some endpoints.

    Args:
        connection: The cloud.
        endpoints: Their names.
    """
    scalers = [each for each in deployed.of_cloud(connection) if each.resource.split("/")[1] in endpoints]
    done = deployed.activities(connection) if scalers else []
    for scaler in scalers:
        wanted = per_instance(scaler)
        day = None
        # The GPUs of an instance are told by no document here.
        known = all(told(signal) and signal.name != "GPUUtilization" for signal in scaler.signals)
        if wanted is not None and known:
            day = simulate(scaler, built_in_day(wanted), Assumptions(per_instance=wanted))
        mine = tuple(each for each in done if each["ResourceId"] == scaler.resource)
        yield Scaling(resource=scaler.resource, activities=mine, day=day)
