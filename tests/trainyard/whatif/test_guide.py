"""The worked examples of a guide of 2025, with its prices as input: the arithmetic, no claim about today's prices."""

import pytest

from ml_contract.sizing.interruptions import InterruptedRun
from ml_contract.sizing.memory import memory
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import DeepSpeed
from ml_contract.workloads.arr_coc import ARR_COC_2B
from trainyard.scaling.trace import built_in_day
from trainyard.sizing.plan import instance_hours, retries
from trainyard.whatif import autoscaling, multi_model, savings, serverless, spot
from trainyard.whatif.load import read_load
from trainyard.whatif.price import Price, given

_MONTH = 720.0
"""The guide's months have 30 days."""


def price(amount: float) -> Price:
    return given(amount, "--price", what="it")


def test_a_spot_run_of_8_hours_costs_78_64_in_place_of_262_16() -> None:
    run = InterruptedRun(work_seconds=8 * 3600, interval_seconds=600, per_hour=0)
    found = spot.answer(
        spot.Spot(run=run, instances=1, on_demand=price(32.77), spot=price(9.83), runs=100)
    ).data  # fmt: skip
    assert (round(found["on_demand"]["cost"], 2), round(found["spot"]["cost"], 2)) == (262.16, 78.64)
    assert f"{found['spot']['saved']:.0%}" == "70%"


def test_savings_plans_save_20_and_44_percent() -> None:
    plans = (savings.Plan(years=1, price=price(26.22)), savings.Plan(years=3, price=price(18.44)))
    found = savings.answer(savings.Savings(on_demand=price(32.77), plans=plans, load=read_load("24h:1"))).data
    assert [f"{plan['discount']:.0%}" for plan in found["plans"]] == ["20%", "44%"]


def test_an_autoscaled_day_costs_74_52_in_place_of_198_72() -> None:
    question = autoscaling.Autoscaling(
        trace=built_in_day(100), price=price(0.828), per_instance=100, minimum=1, maximum=10, start_seconds=300,
        schedule=read_load("6h:10,12h:2,6h:1"),
    )  # fmt: skip
    ways = {way["name"]: way for way in autoscaling.answer(question).data["ways"]}
    for name in ("schedule 6h:10,12h:2,6h:1", "following the load at once"):
        # 62.5 %, which the guide's 62 and Python's rounding to even agree on.
        assert (f"{ways[name]['cost']:.2f}", f"{ways[name]['saved']:.0%}") == ("74.52", "62%")
    assert f"{ways['always on, 10']['cost']:.2f}" == "198.72"


def test_fifty_models_share_an_instance_for_873_in_place_of_29_808() -> None:
    question = multi_model.MultiModel(models=50, shared=price(1.212), single=price(0.828), hours_per_month=_MONTH)
    found = multi_model.answer(question).data
    assert (f"{found['shared_monthly']:.0f}", f"{found['single_monthly']:.0f}") == ("873", "29808")
    assert f"{found['saved']:.0%}" == "97%"
    assert (f"{found['break_even_ratio']:.2f}", found["break_even_models"]) == ("1.46", 2)


@pytest.mark.parametrize(
    ("requests", "seconds", "memory_gb", "gb_hours", "day", "month"),
    [(100, 2.0, 4, "0.22", "0.047", 1.40), (1000, 0.5, 6, "0.83", "0.191", 5.70)],
)
def test_serverless_requests_cost_what_the_guide_says(
    requests: int, seconds: float, memory_gb: int, gb_hours: str, day: str, month: float
) -> None:  # fmt: skip
    question = serverless.Serverless(
        requests_per_day=requests, seconds=seconds, memory_gb=memory_gb, compute=price(0.20), request=price(0.000024),
        hours_per_month=_MONTH,
    )  # fmt: skip
    found = serverless.answer(question).data
    (way,) = found["ways"]
    assert (f"{found['gb_hours_per_day']:.2f}", f"{way['day']:.3f}") == (gb_hours, day)
    # The guide rounds the day first.
    assert way["month"] == pytest.approx(month, abs=0.03)


def test_two_instances_for_6_hours_are_12_instance_hours_and_48_a_month() -> None:
    assert instance_hours(2, 6, 4) == (12, 48)


def test_an_slo_of_24_hours_leaves_3_retries() -> None:
    assert retries(24, 6) == 3


# 2 and 175 billion parameters: tests/ml_contract/sizing/test_memory.py.
def test_the_2b_model_with_the_heads_of_arr_coc_takes_about_30_gigabytes() -> None:
    run = TrainingRun(
        workload=ARR_COC_2B.__class__(**{**ARR_COC_2B.__dict__, "head_share": 0.0}), strategy=DeepSpeed(stage=1),
        optimizer=AdamW(learning_rate=1e-4), steps=1, global_batch_size=1, precision=Precision(compute="bfloat16"),
    )  # fmt: skip
    found = memory(run, World(hosts=1, ranks_per_host=1))
    assert (found.item("parameters") + found.item("optimiser state")) / 1e9 == pytest.approx(30, rel=0.01)
