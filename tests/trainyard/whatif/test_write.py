"""The page: it needs no network, has every plot and table, and says where its prices are from."""

from collections.abc import Callable

import pytest

from trainyard.scaling.trace import built_in_day
from trainyard.whatif import (
    autoscaling,
    multi_model,
    savings,
    scale_to_zero,
    serverless,
    spot,
    spot_figures,
    warm_pool,
    write,
)
from trainyard.whatif.answer import Answer
from trainyard.whatif.load import BUILT_IN
from trainyard.whatif.price import Price
from trainyard.whatif.price import given as priced
from trainyard.whatif.spot_simulation import simulate

from .test_spot import question


def price(amount: float) -> Price:
    return priced(amount, "--price", what="<ml.g5.xlarge>")


def _serverless() -> Answer:
    kept = serverless.Provisioned(count=2, standing=price(0.05), running=price(0.03))
    return serverless.answer(serverless.Serverless(
        requests_per_day=20_000, seconds=0.5, memory_gb=6, compute=price(0.072), request=None, provisioned=kept,
        instance=price(1.408),
    ))  # fmt: skip


ANSWERS: dict[str, Callable[[], Answer]] = {
    "spot": lambda: spot.answer(question()),
    "savings": lambda: savings.answer(savings.Savings(
        on_demand=price(2), plans=(savings.Plan(years=1, price=price(1.5)), savings.Plan(years=3, price=price(1))),
        load=BUILT_IN,
    )),
    "multi-model": lambda: multi_model.answer(multi_model.MultiModel(models=50, shared=price(1.2), single=price(0.8))),
    "serverless": _serverless,
    "scale-to-zero": lambda: scale_to_zero.answer(scale_to_zero.ScaleToZero(
        requests_per_hour=2, idle_seconds=900, start_seconds=360, instances=1, price=price(1.4))),
    "warm-pool": lambda: warm_pool.answer(warm_pool.WarmPool(
        gap_seconds=900, regular=False, keep_alive_seconds=1800, cold_seconds=480, warm_seconds=60, instances=1,
        price=price(1.5), jobs_per_day=20, waiting=price(80))),
    "autoscaling": lambda: autoscaling.answer(autoscaling.Autoscaling(
        trace=built_in_day(100), price=price(0.828), per_instance=100, minimum=1, maximum=10, start_seconds=300)),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_every_page_has_its_plots_tables_and_prices(name: str) -> None:
    answer = ANSWERS[name]()
    page = write.render(answer)
    assert page.count('class="plot"') == len(answer.figures()) > 0
    assert page.count("<table") == len(answer.tables)
    assert "given by --" in page
    assert "<ml.g5.xlarge>" not in page.split("<body>")[1].split("<figure>")[0]


@pytest.mark.slow
def test_simulated_runs_are_counted_not_carried() -> None:
    it = question()
    (_, bars) = spot_figures.figures(it, simulate(it.run, runs=500))[-1]
    assert sum(bars.data[0].y) == 500
    assert len(bars.data[0].y) == 40
