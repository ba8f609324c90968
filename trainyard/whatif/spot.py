"""Spot against on demand: what interruptions and checkpoints make of a lower price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ml_contract.errors import ContractError
from ml_contract.sizing.interruptions import expect
from trainyard.whatif.answer import Answer, Table, hours, money
from trainyard.whatif.price import Price, saved
from trainyard.whatif.spot_question import Spot, best_interval, break_even
from trainyard.whatif.spot_simulation import Simulated, quantile, simulate

FORMULAS = (
    (
        "expected time: Daly, Future Generation Computer Systems 22 (2006), equation 20, with the commit's lag"
        " (ml_contract/sizing/interruptions.py)"
    ),
    "best interval: Young, Communications of the ACM 17 (1974), and Daly's higher order",
)


def answer(question: Spot) -> Answer:
    """Expected time and cost, the same simulated, the interval that costs least, and the rate that spot bears."""
    from trainyard.whatif.spot_figures import figures

    run, mean = question.run, expect(question.run)
    without = question.undisturbed.undisturbed_seconds
    found = simulate(run, runs=question.runs, seed=question.seed)
    on_demand = question.cost(without, question.on_demand)
    cost = question.cost(mean.held_seconds, question.spot)
    limit, best = break_even(question), best_interval(run)
    share = saved(cost, on_demand)
    verdict = f"saves {share:.0%}" if share >= 0 else f"costs {-share:.0%} more"
    finding = (f"Spot {verdict}: {money(cost)} expected against {money(on_demand)} on demand, in"
               f" {hours(mean.elapsed_seconds)} instead of {hours(without)}.")  # fmt: skip
    if limit:
        finding += f" It is cheaper up to {limit:.3g} interruptions of the job an hour."
    else:
        finding += " It is cheaper at any rate." if limit is None else " It is cheaper at no rate."
    tables = (_costs(question, found), _intervals(question, best))
    if question.deadline_seconds is not None:
        finding += f" {found.within(question.deadline_seconds):.1%} of the simulated runs end in time."
    spread = found.held
    return Answer(
        title="Spot against on demand", finding=finding, tables=tables, prices=(question.on_demand, question.spot),
        assumptions=tuple(_assumptions(question)), formulas=FORMULAS,
        data={
            "on_demand": {"hours": without / 3600, "cost": on_demand},
            "spot": {"held_hours": mean.held_seconds / 3600, "elapsed_hours": mean.elapsed_seconds / 3600,
                     "interruptions": mean.interruptions, "cost": cost, "saved": share},
            "simulated": {
                "runs": question.runs, "seed": question.seed,
                "held_hours": sum(spread) / len(spread) / 3600, "interruptions": found.interruptions,
                "cost_p5": question.cost(quantile(spread, 0.05), question.spot),
                "cost_p95": question.cost(quantile(spread, 0.95), question.spot),
                "elapsed_hours_p95": quantile(found.elapsed, 0.95) / 3600,
                "within_deadline": None if question.deadline_seconds is None
                else found.within(question.deadline_seconds),
            },
            "break_even_interruptions_per_hour": limit,
            "best_interval_seconds": best,
        },
        figures=lambda: figures(question, found),
    )  # fmt: skip


def _costs(question: Spot, found: Simulated) -> Table:
    mean, without = expect(question.run), question.undisturbed.undisturbed_seconds
    on_demand = question.cost(without, question.on_demand)

    def row(name: str, held: float, elapsed: float, interruptions: str, price: Price) -> tuple[str, ...]:
        cost = question.cost(held, price)
        return (name, hours(held), hours(elapsed), interruptions, money(cost), f"{saved(cost, on_demand):.0%}")

    held, elapsed, spot = found.held, found.elapsed, question.spot
    rows = [
        row("on demand", without, without, "0", question.on_demand),
        row("spot, expected", mean.held_seconds, mean.elapsed_seconds, f"{mean.interruptions:.2f}", spot),
        row(f"spot, mean of {len(held):,} simulated", sum(held) / len(held), sum(elapsed) / len(elapsed),
            f"{found.interruptions:.2f}", spot),
    ]  # fmt: skip
    rows += [row(f"spot, {share:.0%} of the runs within", quantile(held, share), quantile(elapsed, share), "", spot)
             for share in (0.5, 0.95)]  # fmt: skip
    columns = ("", "billed", "start to end", "interruptions", "cost", "saved")
    return Table(title="A run", columns=columns, rows=tuple(rows))


def _intervals(question: Spot, best: float | None) -> Table:
    given = question.run.interval_seconds
    names = {given: "as given"} | ({best: "by Young and Daly"} if best is not None else {})
    for factor in (0.25, 0.5, 2, 4):
        names.setdefault(factor * (best or given), "")
    rows = []
    for seconds, name in sorted(names.items()):
        try:
            run = replace(question.run, interval_seconds=seconds)
        except ContractError as error:
            rows.append((hours(seconds), name, "–", "–", f"not possible: {error.rule}"))
            continue
        mean = expect(run)
        over = max(0.0, mean.held_seconds / run.work_seconds - 1)
        cost = question.cost(mean.held_seconds, question.spot)
        rows.append((hours(seconds), name, f"{run.saves:,}", f"{over:.1%}", money(cost)))
    return Table(title="Time between checkpoints", columns=("interval", "", "saves", "time on top", "expected cost"),
                 rows=tuple(rows))  # fmt: skip


def _many(instances: int) -> str:
    return "1 instance" if instances == 1 else f"{instances} instances, any of which stops it"


def _assumptions(question: Spot) -> Iterator[str]:
    run = question.run
    yield (f"{run.per_hour:g} interruptions of the job an hour ({_many(question.instances)}),"
           " at exponential times (--interruptions-per-hour, of one instance)")  # fmt: skip
    yield (f"every {hours(run.interval_seconds)} a save that stalls {hours(run.stall_seconds)} and is committed"
           f" {hours(run.commit_seconds)} later (--interval, --stall, --commit)")  # fmt: skip
    yield (f"{hours(run.restart_seconds)} from instances to the first step, {hours(run.wait_seconds)} without any after"
           " an interruption, which are not billed (--restart, --wait)")  # fmt: skip
    yield "on demand is not interrupted"
