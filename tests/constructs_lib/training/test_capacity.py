"""Capacity, retries, instances: what cannot be combined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.training import (
    OnDemandCapacity,
    ProcessingResources,
    RetryPolicy,
    SpotCapacity,
    TrainingResources,
    WarmPool,
)
from constructs_lib.training.retry import check_disjoint
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.instances import CATALOGUE

SECONDS = st.integers(1, 28 * 24 * 3600)


@given(run=SECONDS, wait=SECONDS)
@pytest.mark.slow
def test_spot_waits_at_least_as_long_as_it_runs(run: int, wait: int) -> None:
    if wait >= run:
        SpotCapacity(max_run_seconds=run, max_wait_seconds=wait)
        return
    with pytest.raises(InvalidValue, match=rf"max_wait_seconds: got {wait}, but .* max_run_seconds \({run}\)"):
        SpotCapacity(max_run_seconds=run, max_wait_seconds=wait)


def test_spot_without_a_checkpoint_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^checkpoint: got None, but a job on spot .* or take OnDemandCapacity"):
        SpotCapacity(max_run_seconds=60, max_wait_seconds=60).bind(None)


def test_on_demand_needs_no_checkpoint() -> None:
    assert OnDemandCapacity(max_run_seconds=60).bind(None) == {
        "EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }  # fmt: skip


def test_a_warm_pool_is_kept_at_most_six_hours_and_never_on_spot() -> None:
    pool = WarmPool(max_run_seconds=60, keep_alive_seconds=21600)
    assert pool.resources() == {"KeepAlivePeriodInSeconds": 21600}
    assert pool.bind(None)["EnableManagedSpotTraining"] is False
    with pytest.raises(InvalidValue, match="keep_alive_seconds: got 21601, but it must be at most 21600"):
        WarmPool(max_run_seconds=60, keep_alive_seconds=21601)


def test_a_run_is_at_most_28_days() -> None:
    with pytest.raises(InvalidValue, match="max_run_seconds: got 2419201, but it must be at most 2419200"):
        OnDemandCapacity(max_run_seconds=2419201)


@pytest.mark.parametrize("limit", [{}, {"max_attempts": 1, "expire_after_minutes": 1}])
def test_a_retry_ends_by_attempts_or_by_time(limit: dict) -> None:
    with pytest.raises(InvalidValue, match="exactly one of max_attempts and expire_after_minutes"):
        RetryPolicy(failures=("Step.THROTTLING",), interval_seconds=1, **limit)


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_attempts", 21), ("interval_seconds", 43201), ("interval_seconds", 0), ("backoff_rate", 0.5),
     ("failures", ()), ("failures", ("SageMaker.CAPACITY",))],
)  # fmt: skip
def test_a_retrys_limits(field: str, value: object) -> None:
    fields = {"failures": ("Step.THROTTLING",), "interval_seconds": 1, "max_attempts": 1, field: value}
    with pytest.raises(InvalidValue, match=rf"^RetryPolicy\.{field}"):
        RetryPolicy(**fields)


def test_a_failure_has_one_policy() -> None:
    policy = RetryPolicy(failures=("Step.THROTTLING",), interval_seconds=1, max_attempts=1)
    with pytest.raises(ContractError, match=r"^retries: got 'Step.THROTTLING', but one policy answers a failure"):
        check_disjoint([policy, policy])


def test_an_invented_type_names_what_was_meant() -> None:
    with pytest.raises(InvalidValue, match=r"instance_type: got 'ml.p4d.24xlargge', .*Did you mean ml.p4d.24xlarge"):
        TrainingResources(instance_type="ml.p4d.24xlargge", instance_count=2, volume_gib=100, efa=True)
    with pytest.raises(InvalidValue, match="instance catalogue"):
        ProcessingResources(instance_type="ml.z9.large", volume_gib=10, max_run_seconds=60)


@given(st.sampled_from(sorted(CATALOGUE)))
def test_efa_is_for_types_that_have_it(name: str) -> None:
    fields = {"instance_type": name, "instance_count": 2, "volume_gib": 100}
    TrainingResources(**fields, efa=False)
    if CATALOGUE[name].has_efa:
        TrainingResources(**fields, efa=True)
        return
    with pytest.raises(InvalidValue, match=r"no Elastic Fabric Adapter and efa is True. Set efa=False or take"):
        TrainingResources(**fields, efa=True)
