"""Serverless, multi-model, scale to zero, warm pools, savings: break-evens, and formulas against what is played."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from trainyard.whatif import multi_model, savings, serverless, warm_pool
from trainyard.whatif.load import DailyLoad, read_load
from trainyard.whatif.price import Price
from trainyard.whatif.price import given as priced
from trainyard.whatif.scale_to_zero import ScaleToZero
from trainyard.whatif.serverless import Way


def price(amount: float = 1.0) -> Price:
    return priced(amount, "--price", what="it")


WAYS = st.builds(
    Way, name=st.just("way"), standing=st.floats(0, 100), each=st.floats(0, 0.01),
    most=st.sampled_from([math.inf, 1000.0, 50_000.0]), beyond=st.floats(0, 0.01),
)  # fmt: skip


@settings(max_examples=40)
@given(WAYS, WAYS)
def test_below_the_break_even_one_is_cheaper_and_above_it_the_other(less: Way, more: Way) -> None:
    at = serverless.break_even(less, more)
    if at is None or more.standing < less.standing:
        return
    assert more.day(at) == pytest.approx(less.day(at), rel=1e-6, abs=1e-9)
    assert less.day(at / 2) <= more.day(at / 2) * (1 + 1e-9) + 1e-9
    # Where a line turns, they may change places again.
    above = min([at + 1, *(way.most for way in (less, more) if way.most > at)])
    assert more.day(above) <= less.day(above) * (1 + 1e-9) + 1e-9


def test_ways_that_only_touch_have_no_break_even() -> None:
    less, more = Way(name="less", standing=0, each=1), Way(name="more", standing=10, each=0, most=10, beyond=5)
    assert more.day(10) == less.day(10)
    assert serverless.break_even(less, more) is None


def test_what_does_not_fit_provisioned_containers_is_paid_like_any_request() -> None:
    kept = serverless.Provisioned(count=1, standing=price(0.05), running=price(0.03))
    question = serverless.Serverless(requests_per_day=100_000, seconds=1.0, memory_gb=1, compute=price(0.072),
                                     request=None, provisioned=kept)  # fmt: skip
    _, way = question.ways
    assert way.day(100_000) == pytest.approx(24 * 0.05 + (86_400 * 0.03 + 13_600 * 0.072) / 3600)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"memory_gb": 8}, "memory-gb: got 8, but a serverless endpoint has no such memory. Give one of 1, 2, 3"),
        ({"requests_per_day": -5}, "requests-per-day: got -5"),
        ({"seconds": 90.0}, "seconds: got 90.0"),
        ({"requests_per_day": 1e8}, "579 requests would run at once on average, and one endpoint takes 200"),
    ],
)
def test_what_serverless_cannot_do_is_refused(fields: dict[str, float], said: str) -> None:
    given = {"requests_per_day": 1000, "seconds": 0.5, "memory_gb": 2, "compute": price(), "request": None, **fields}
    with pytest.raises(ContractError) as caught:
        serverless.Serverless(**given)
    assert said in str(caught.value)


@settings(max_examples=40)
@given(st.integers(1, 200), st.floats(0.1, 10), st.floats(0.1, 10), st.integers(1, 100))
def test_sharing_pays_from_the_break_even_on(models: int, shared: float, single: float, each: int) -> None:
    question = multi_model.MultiModel(models=models, shared=price(shared), single=price(single),
                                      models_per_instance=each)  # fmt: skip
    least = multi_model.break_even(question)
    for count in range(1, each + 1):
        pays = least is not None and count >= least
        # In fractions: costs that are equal differ by rounding in floats, as those of a month do.
        assert pays == (Fraction(str(shared)) < count * Fraction(str(single)))
        months = question.shared_month(count), question.single_month(count)
        assert pays == (months[0] < months[1]) or months[0] == pytest.approx(months[1], rel=1e-12)


def test_sharing_does_not_pay_where_both_cost_the_same() -> None:
    # In floats 0.3 / 0.1 is less than 3, and three times 0.1 is more than 0.3.
    question = multi_model.MultiModel(models=3, shared=price(0.3), single=price(0.1))
    assert multi_model.break_even(question) == 4


# Six standard errors, for what a cycle bills and answers spreads no more than its mean: one run of the test in ten
# million would fail by chance. Without shrinking, which would play a thousand days more to tell a simpler failure.
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(st.floats(0.5, 20), st.floats(60, 1200), st.floats(0, 600), st.integers(0, 1000))
def test_billed_time_and_waiting_are_those_of_requests_at_random(
    rate: float, idle: float, start: float, seed: int
) -> None:  # fmt: skip
    question = ScaleToZero(requests_per_hour=rate, idle_seconds=idle, start_seconds=start, instances=1, price=price())
    source, cycles = random.Random(seed), 1500
    on = total = 0.0
    requests = waited = 0
    for _ in range(cycles):
        total += source.expovariate(rate / 3600)
        now, last, ready = 0.0, start, start
        requests, waited = requests + 1, waited + 1
        while True:
            now += source.expovariate(rate / 3600)
            if now > max(last, ready) + idle:
                break
            requests, waited, last = requests + 1, waited + (now < ready), now
        on += max(last, ready) + idle
        total += max(last, ready) + idle
        # The rest of the gap is the next cycle's beginning: times without memory may be drawn anew.
    assert on / total == pytest.approx(question.billed, rel=6 / cycles**0.5)
    assert waited / requests == pytest.approx(question.waiting, rel=6 / cycles**0.5)


def test_the_idle_time_that_is_proposed_leaves_so_many_waiting() -> None:
    question = ScaleToZero(requests_per_hour=2, idle_seconds=900, start_seconds=360, instances=1, price=price())
    stay = question.idle_for(0.05)
    again = ScaleToZero(requests_per_hour=2, idle_seconds=stay, start_seconds=360, instances=1, price=price())
    assert again.waiting == pytest.approx(0.05)
    with pytest.raises(ContractError, match="waiting: got 1"):
        question.idle_for(1)


def pool(**fields: object) -> warm_pool.WarmPool:
    given = {"gap_seconds": 900.0, "regular": False, "keep_alive_seconds": 1800.0, "cold_seconds": 480.0,
             "instances": 2, "warm_seconds": 60.0, "price": price(4.0), "jobs_per_day": 20.0, **fields}  # fmt: skip
    return warm_pool.WarmPool(**given)


def test_a_saved_hour_costs_the_same_however_long_instances_are_kept() -> None:
    costs = [pool(keep_alive_seconds=seconds).price_of_saved_hour for seconds in (60.0, 1800.0, 21600.0)]
    assert costs == pytest.approx([costs[0]] * 3)
    # 15 minutes of two instances for 7 minutes less of waiting.
    assert costs[0] == pytest.approx(900 * 2 * 4.0 / 420)


def test_at_the_break_even_gap_both_cost_the_same() -> None:
    gap = warm_pool.break_even_gap(pool(waiting=price(80.0)))
    assert gap is not None
    assert pool(gap_seconds=gap, jobs_per_day=1.0).price_of_saved_hour == pytest.approx(80)


def test_a_regular_gap_is_met_or_not() -> None:
    assert (pool(regular=True).reused, pool(regular=True, keep_alive_seconds=600.0).reused) == (1, 0)
    assert warm_pool.answer(pool(regular=True, keep_alive_seconds=600.0)).finding.endswith(
        "saves 0 s of waiting, nothing."
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"keep_alive_seconds": 30_000.0}, "keep-alive"), ({"warm_seconds": 500.0}, "warm"), ({"gap_seconds": 0.0}, "gap"),
     ({"jobs_per_day": 500.0}, "jobs-per-day")],
)  # fmt: skip
def test_what_no_pool_can_be_is_refused(fields: dict[str, float], field: str) -> None:
    with pytest.raises(ContractError, match=f"^{field}: got"):
        pool(**fields)


LOADS = st.lists(st.tuples(st.sampled_from([2.0, 3.0, 4.0, 6.0]), st.integers(0, 12)), min_size=4, max_size=4)


@settings(max_examples=40)
@given(LOADS, st.floats(0.3, 1.2))
def test_no_other_commitment_costs_less(parts: list[tuple[float, int]], share: float) -> None:
    left = 24 - sum(hours for hours, _ in parts[:3])
    load = DailyLoad(stretches=(*parts[:3], (left, parts[3][1])))
    plan = savings.Plan(years=1, price=price(share))
    question = savings.Savings(on_demand=price(1.0), plans=(plan,), load=load)
    costs = [savings.monthly(question, plan, count) for count in range(load.peak + 1)]
    assert costs[savings.committed(question, plan)] == pytest.approx(min(costs))


@pytest.mark.parametrize("text", ["", "24", "6h:10", "30h:1", "24h:-1", "12h:1;12h:2"])
def test_a_load_that_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match=r"load: got .*6h:10,12h:2,6h:1"):
        read_load(text)


@pytest.mark.parametrize("amount", [0.0, -0.01, math.nan, math.inf, 1e9])
def test_an_absurd_price_is_refused(amount: float) -> None:
    with pytest.raises(ContractError, match=r"--price: got .*a price is above 0 and at most 1,000,000"):
        price(amount)
