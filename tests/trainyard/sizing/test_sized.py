"""Sizing: names, the search, hours, retries, checkpoints."""

import pytest

from ml_contract.errors import ContractError
from ml_contract.instances import instance
from ml_contract.sizing.fit import Cluster, check_fit, smallest
from ml_contract.sizing.interval import commit_lag, optimal_interval
from ml_contract.training.layout import World
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel, Pipeline
from trainyard.sizing import plan
from trainyard.sizing.answers import candidates, ranks
from trainyard.sizing.figures import memory_bars
from trainyard.sizing.names import MODELS, model, strategy
from trainyard.sizing.question import Question, hosts
from trainyard.whatif.price import Price
from trainyard.whatif.price import given as priced


def question(name: str = "llama-8b", *strategies: str, **fields: object) -> Question:
    return Question(name=name, model=model(name), strategies=strategies or ("fsdp",), **fields)


def prices(**amounts: float) -> dict[str, Price]:
    return {name: priced(amount, "--price", what=name) for name, amount in amounts.items()}


P4D, G5 = "ml.p4d.24xlarge", "ml.g5.48xlarge"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ddp", Ddp()),
        ("zero-0", Ddp()),
        ("zero-3", DeepSpeed(stage=3)),
        ("FSDP-hybrid", Fsdp(sharding="hybrid")),
        ("tp8+fsdp", ModelParallel(tensor=8, data=Fsdp())),
        ("tp2+cp2+pp4+ddp", ModelParallel(tensor=2, context=2, data=Ddp(),
                                          pipeline=Pipeline(stages=4, micro_batches=8))),
        ("tp8", ModelParallel(tensor=8)),
    ],
)  # fmt: skip
def test_a_strategy_is_what_is_written(text: str, meant: object) -> None:
    assert strategy(text) == meant


@pytest.mark.parametrize("text", ["", "zero-4", "fsdp+tp8", "tp8+tp2", "tp", "ddp+fsdp", "tp8+zero-3", "tp0+fsdp"])
def test_what_is_no_strategy_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        strategy(text)


def test_every_model_is_sized_under_fsdp() -> None:
    for name in MODELS:
        assert candidates(question(name, most_hosts=16), plan.Work(), {})


def test_a_smaller_cluster_of_the_type_does_not_fit() -> None:
    it = question("llama-70b", most_hosts=8)
    found = {each.cluster.host.name: each.cluster for each in candidates(it, plan.Work(), {})}
    cluster = found[P4D]
    check_fit(cluster.run, P4D, cluster.count)
    assert cluster.count > 1
    with pytest.raises(ContractError, match="a rank needs an estimated"):
        check_fit(it.run(Fsdp(), World(hosts=cluster.count - 1, ranks_per_host=8)), P4D, cluster.count - 1)


def test_the_cheapest_comes_first_and_what_has_no_price_last() -> None:
    found = candidates(question(), plan.Work(), prices(**{P4D: 30, "ml.p5.48xlarge": 20}))
    names = [each.cluster.host.name for each in found]
    assert names[:2] == ["ml.p5.48xlarge", P4D]
    assert {each.hourly for each in found[2:]} == {None}


def test_the_cheapest_run_is_not_the_cheapest_hour() -> None:
    # An H100 has 3.2 times the peak of an A100.
    costs = prices(**{P4D: 30, "ml.p5.48xlarge": 60})
    hour, run = (candidates(question(), work, costs)[0].cluster.host.name
                 for work in (plan.Work(), plan.Work(tokens=1e12)))  # fmt: skip
    assert (hour, run) == (P4D, "ml.p5.48xlarge")


def test_hosts_that_only_a_slow_network_joins_are_left_out_unless_asked_for() -> None:
    alone, any_network = (
        candidates(question("llama-70b", any_network=each, most_hosts=16), plan.Work(), {}) for each in (False, True)
    )
    assert all(each.cluster.host.has_efa for each in alone if each.cluster.count > 1)
    assert len(any_network) > len(alone)


def test_memory_of_each_strategy_stands_in_a_row_and_why_some_do_not_fit() -> None:
    (table, why), fit = ranks(question("llama-8b", "ddp", "zero-3", "fsdp", "tp8"), instance(P4D), 2)
    assert [(row[0], row[-1]) for row in table.rows] == [
        ("ddp", "no"),
        ("zero-3", "yes"),
        ("fsdp", "yes"),
        ("tp8", "no"),
    ]
    assert [how for how, _ in fit] == ["zero-3", "fsdp"]
    assert {row[0]: row[1][:30] for row in why.rows} == {
        "ddp": "a rank needs an estimated 119.", "tp8": "data: 2 groups of ranks would ",
    }  # fmt: skip


# PaLM, arXiv 2204.02311, appendix B.
def test_hours_are_operations_over_the_share_of_the_peak() -> None:
    (found,) = (each for each in candidates(question(), plan.Work(tokens=1e10, mfu=0.4), {})
                if each.cluster.host.name == P4D)  # fmt: skip
    workload = found.cluster.run.workload
    operations = 1e10 * workload.flops_per_sample / workload.size.tokens
    assert found.run_hours == pytest.approx(operations / (8 * 312e12 * 0.4) / 3600)


def test_bars_add_up_to_what_a_rank_needs_at_the_worst() -> None:
    found = candidates(question("llama-8b", "fsdp", "ddp", most_hosts=4), plan.Work(), {})[:4]
    ((_, figure),) = memory_bars([(each.name, each.cluster.memory, 80) for each in found])
    for number, each in enumerate(found):
        total = sum(trace.x[number] for trace in figure.data if trace.type == "bar")
        assert total * 2**30 == pytest.approx(each.cluster.memory.total("device"))


@pytest.mark.parametrize(("slo", "run", "left"), [(24, 6, 3), (6, 6, 0), (11.9, 6, 0), (0.3, 0.1, 2)])
def test_retries_are_what_is_left_of_the_slo(slo: float, run: float, left: int) -> None:
    assert plan.retries(slo, run) == left


@pytest.mark.parametrize(("slo", "run"), [(5, 6), (0, 6), (-1, 6)])
def test_an_slo_shorter_than_a_run_is_refused(slo: float, run: float) -> None:
    with pytest.raises(ContractError, match="--slo-hours: got"):
        plan.retries(slo, run)


def cluster(count: int) -> Cluster:
    it = question("llama-70b", "tp8+fsdp")
    (found,) = (each.cluster for each in candidates(it, plan.Work(), {}) if each.cluster.host.name == P4D)
    return Cluster(host=found.host, count=count, run=it.run(strategy("tp8+fsdp"), World(hosts=count, ranks_per_host=8)),
                   memory=found.memory)  # fmt: skip


def test_more_hosts_fail_more_often_and_save_more_often() -> None:
    times = {"failures_per_host_hour": 1e-3, "stall_seconds": 5.0, "restart_seconds": 600.0, "hours": 100.0}
    few, many = (plan.checkpoints(cluster(count), **times) for count in (8, 32))
    assert few is not None
    assert many is not None
    assert few.failure_seconds == pytest.approx(4 * many.failure_seconds)
    assert many.interval_seconds < few.interval_seconds
    assert few.interval_seconds == pytest.approx(optimal_interval(5, few.failure_seconds))
    assert few.expected is not None
    assert few.expected.interruptions == pytest.approx(0.8, rel=0.1)


def test_no_save_begins_before_the_one_before_is_committed() -> None:
    found = plan.checkpoints(
        cluster(8), failures_per_host_hour=5.0, stall_seconds=0.1, restart_seconds=60.0, hours=None
    )
    assert found is not None
    assert found.interval_seconds == commit_lag(cluster(8).run, World(hosts=8, ranks_per_host=8))


def test_without_failures_nothing_tells_an_interval() -> None:
    assert plan.checkpoints(cluster(8), failures_per_host_hour=0.0, stall_seconds=5, restart_seconds=0, hours=1) is None


@pytest.mark.parametrize(
    "text",
    ["", "ml.p4d.24xlarge:0", "ml.p4d.24xlarge:two", "2 x ml.p4d.24xlarge", "ml.p4x.24xlarge", "ml.trn1.32xlarge:2"],
)
def test_hosts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ContractError, match="--on: got"):
        hosts(text)


def test_a_type_alone_is_one_host() -> None:
    assert hosts(G5) == (instance(G5), 1)


def test_the_smallest_is_the_one_that_synth_names() -> None:
    it = question("llama-8b", "ddp", any_network=True, most_hosts=2)
    found = min(candidates(it, plan.Work(), {}), key=lambda each: each.room)
    run = it.run(Ddp(), World(hosts=1, ranks_per_host=8))
    assert smallest(run, like=instance(P4D), most_hosts=2) == (found.cluster.host.name, found.cluster.count)
