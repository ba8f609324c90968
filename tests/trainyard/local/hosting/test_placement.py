"""Copies on instances: what fits, and how many instances it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.placement import Need, check, instances_for, need, room

TYPE = "ml.g5.12xlarge"
NEEDS = st.builds(
    Need,
    cores=st.floats(0, 48, allow_nan=False),
    accelerators=st.integers(0, 4).map(float),
    memory_mb=st.integers(128, 192 * 1024),
)


@pytest.mark.parametrize(
    ("requirements", "copies", "instances"),
    [
        ({"MinMemoryRequiredInMb": 1024}, 0, 0),
        ({"MinMemoryRequiredInMb": 1024}, 1, 1),
        ({"MinMemoryRequiredInMb": 1024, "NumberOfAcceleratorDevicesRequired": 1.0}, 4, 1),
        ({"MinMemoryRequiredInMb": 1024, "NumberOfAcceleratorDevicesRequired": 1.0}, 5, 2),
        ({"MinMemoryRequiredInMb": 1024, "NumberOfCpuCoresRequired": 24.5}, 2, 2),
        ({"MinMemoryRequiredInMb": 96 * 1024}, 3, 2),
    ],
)
def test_instances_by_what_runs_out_first(requirements: dict[str, float], copies: int, instances: int) -> None:
    assert instances_for([need(requirements)] * copies, TYPE) == instances


@given(st.lists(NEEDS, max_size=8))
def test_as_many_instances_as_the_resources_want_and_never_more_than_copies(needs: list[Need]) -> None:
    found, has = instances_for(needs, TYPE), room(TYPE)
    assert found <= len(needs)
    assert sum(one.memory_mb for one in needs) <= found * has.memory_mb
    assert sum(one.accelerators for one in needs) <= found * has.accelerators


@pytest.mark.parametrize(
    ("requirements", "field"),
    [
        ({"MinMemoryRequiredInMb": 196609}, "MinMemoryRequiredInMb: got 196609, but ml.g5.12xlarge has 196608"),
        ({"MinMemoryRequiredInMb": 128, "NumberOfAcceleratorDevicesRequired": 5.0}, "has 4"),
        ({"MinMemoryRequiredInMb": 128, "NumberOfCpuCoresRequired": 48.25}, "has 48"),
        ({"MinMemoryRequiredInMb": 256, "MaxMemoryRequiredInMb": 128}, "MaxMemoryRequiredInMb"),
    ],
)
def test_what_no_instance_holds(requirements: dict[str, float], field: str) -> None:
    with pytest.raises(ServiceError, match=field):
        check(requirements, TYPE)


def test_a_type_that_the_catalogue_does_not_have() -> None:
    with pytest.raises(ServiceError, match="InstanceType"):
        check({"MinMemoryRequiredInMb": 128}, "ml.invented")
