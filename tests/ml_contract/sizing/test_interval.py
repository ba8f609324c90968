"""Checkpoints: bytes, lag, the ten-minute promise, and the interval that costs least."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.sizing import interval
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Checkpointing
from ml_contract.workloads import Llama

LLAMA_8B = Llama(vocabulary=128256, hidden=4096, intermediate=14336, layers=32, heads=32, kv_heads=8)
EIGHT = World(hosts=1, ranks_per_host=8)


def run(**checkpointing: object) -> TrainingRun:
    return TrainingRun(workload=LLAMA_8B, strategy=Fsdp(), optimizer=AdamW(learning_rate=1e-3), steps=1,
                       global_batch_size=8, checkpointing=Checkpointing(**checkpointing))  # fmt: skip


# ../shared/facts/training.md: 12 B a parameter; 8B is 96 GB, which takes 96 s at 1 GB/s.
def test_eight_billion_parameters_take_96_gigabytes() -> None:
    assert interval.checkpoint_bytes(run()) / 1e9 == pytest.approx(96, rel=0.01)


def test_at_a_gigabyte_a_second_they_take_96_seconds() -> None:
    lag = interval.commit_lag(run(), EIGHT, bytes_per_second=1e9 / 8)
    assert lag - interval.FIXED_SECONDS == pytest.approx(96, rel=0.01)


def test_the_default_keeps_the_promise_for_it() -> None:
    assert interval.check_interval(run(), EIGHT) is None


def test_a_long_interval_breaks_it() -> None:
    finding = interval.check_interval(run(every_seconds=590), EIGHT)
    assert finding is not None
    assert "every_seconds: got 590, and a commit follows an estimated 61 s later" in finding
    assert "can cost 651 s of work; 600 are promised. Give checkpointing.every_seconds=537 or less." in finding


# Nearly all of them break the promise and have a way out: shorter intervals keep it, and slower storage has none.
@given(st.floats(500, 86400), st.floats(4.2e7, 1e10), st.floats(0, 60))
def test_the_way_out_leads_out(every_seconds: float, bandwidth: float, step_seconds: float) -> None:
    options = {"step_seconds": step_seconds, "bytes_per_second": bandwidth}
    finding = interval.check_interval(run(every_seconds=every_seconds, every_steps=10**6), EIGHT, **options)
    assume(finding is not None and "every_seconds=" in finding)
    advised = int(finding.split("every_seconds=")[1].split(" ")[0])
    # Where the lag is all but half the promise, a step on top of the interval is one too many.
    assume(2 * interval.commit_lag(run(), EIGHT, bytes_per_second=bandwidth) + step_seconds < 590)
    assert interval.check_interval(run(every_seconds=advised, every_steps=10**6), EIGHT, **options) is None


def test_where_no_interval_helps_more_ranks_do() -> None:
    finding = interval.check_interval(run(), World(hosts=1, ranks_per_host=1))
    assert finding is not None
    assert finding.endswith("No interval is short enough: it takes 2 ranks or more that write.")
    assert interval.check_interval(run(every_seconds=60), World(hosts=2, ranks_per_host=1)) is None


def test_a_step_count_that_comes_sooner_counts() -> None:
    sooner = interval.lost_work(run(every_steps=10, every_seconds=590), EIGHT, step_seconds=6)
    assert sooner == pytest.approx(60 + 6 + interval.commit_lag(run(), EIGHT), abs=1)


def test_a_save_that_outlasts_the_interval_is_the_interval() -> None:
    lag = interval.commit_lag(run(), EIGHT, bytes_per_second=2e7)
    assert interval.lost_work(run(every_seconds=10), EIGHT, bytes_per_second=2e7) == 2 * lag


def test_a_bandwidth_of_nothing_is_refused() -> None:
    with pytest.raises(ContractError, match="bytes_per_second"):
        interval.commit_lag(run(), EIGHT, bytes_per_second=0)


def test_the_trainer_assumes_the_same_bandwidth() -> None:
    options = pytest.importorskip("training_code.checkpoint.options", reason="the training environment is missing")
    assert options.CheckpointOptions().assumed_bytes_per_second == interval.ASSUMED_BYTES_PER_SECOND


@given(st.floats(0.1, 600), st.floats(600, 1e6))
def test_no_other_interval_costs_less(stall: float, failure: float) -> None:
    best = interval.optimal_interval(stall, failure)

    def cost(seconds: float) -> float:
        # Daly, equation 20, over the time without failures and saves.
        return failure * math.expm1((seconds + stall) / failure) / seconds

    assert cost(best) <= min(cost(best * factor) for factor in (0.5, 0.8, 1.25, 2)) * 1.001


def test_a_stall_as_long_as_the_time_between_failures_is_hopeless() -> None:
    assert interval.optimal_interval(7200, 3600) == 3600
