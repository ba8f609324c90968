"""Whatever a template holds, an estimate comes out, and what it does not know is never a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainyard.cost.scenes import KEY, NAT, assembly, prices
from trainyard.cost.assumptions import Assumptions
from trainyard.cost.estimate import estimate
from trainyard.cost.estimators.base import Estimator, free_types
from trainyard.cost.lines import Kind, Range, Sum
from trainyard.cost.templates import Resource, Template, read

NAMES = st.sampled_from([
    "InstanceType", "InstanceCount", "InstanceGroups", "StorageCapacity", "LustreConfiguration", "FileSystemType",
    "PipelineDefinition", "PipelineDefinitionBody", "Metrics", "LifecycleConfiguration", "Rules", "SubnetIds",
    "VpcEndpointType", "DBInstanceClass", "Engine", "MemorySize", "MonitoringScheduleConfig", "ScalingConfig",
])  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.sampled_from(["", "ml.g5.xlarge", "${X}", "LUSTRE", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.sampled_from(sorted(Estimator.registered)), st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_no_properties_end_an_estimate_and_unknown_is_no_number(kind: str, properties: dict[str, Any]) -> None:
    resource = Resource(logical_id="It", type=kind, properties=properties)
    template = Template(id="s", environment="s", region="us-east-1", resources={"It": resource}, absent={})
    (stack,) = estimate([template], Assumptions(given={}), prices).stacks
    for line in (line for each in stack.resources for line in each.lines):
        known = line.monthly is not None or line.run is not None
        assert known == (line.kind in (Kind.FIXED, Kind.USE, Kind.RUN))
        assert line.how
        assert not known or 0 <= (line.monthly.low if line.monthly else line.run or 0) < float("inf")


def test_no_type_both_bills_and_does_not() -> None:
    assert not free_types() & set(Estimator.registered)
    assert len(free_types()) > 50


def test_sums_add_up_by_environment(tmp_path: Path) -> None:
    folder = assembly(tmp_path, {"Prod/A": {"Nat": NAT}, "Prod/B": {"Key": KEY}, "Dev/A": {"It": {"Type": "A::B::C"}}})
    found = estimate(read(folder), Assumptions(given={}), prices)
    assert {name: len(stacks) for name, stacks in found.environments.items()} == {"prod": 2, "dev": 1}
    assert found.sum == Sum(fixed=Range.of(0.045 * 730 + 1), use=Range.of(4.8), run=0, unknown=1)
