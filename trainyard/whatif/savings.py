"""Savings plans against on demand: from which use on a commitment pays.

A plan is a commitment to pay a price for every hour of one or three years, used or not ("What are Savings Plans?",
Savings Plans User Guide, read 2026-11-22). Against an on-demand price p, a plan's price q pays where more than q / p of
the hours are used: that share is the break-even use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ml_contract.checks import between
from ml_contract.errors import reject
from trainyard.whatif.answer import Answer, Table, money
from trainyard.whatif.load import HOURS_PER_DAY, DailyLoad
from trainyard.whatif.price import HOURS_PER_MONTH, Price, saved

HOURS_PER_YEAR = 8760.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A savings plan."""

    years: Literal[1, 3]
    price: Price
    """Of an hour, paid whether it is used or not."""

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.years} year{'s' if self.years > 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class Savings:
    """The question."""

    on_demand: Price
    plans: tuple[Plan, ...]
    load: DailyLoad
    """Instances needed on each day of the term."""
    hours_per_month: float = HOURS_PER_MONTH

    def __post_init__(self) -> None:
        between("hours-per-month", self.hours_per_month, 1, 744)
        if not self.plans:
            reject("plans", "none", "there is nothing to compare with", "Give the price of a plan.")
        if not self.on_demand.amount > 0:
            reject(self.on_demand.what, self.on_demand.amount, "what is free needs no plan", "Give a positive price.")

    @property
    def days(self) -> float:
        """Of a month."""
        return self.hours_per_month / HOURS_PER_DAY


def break_even(plan: Plan, on_demand: Price) -> float:
    """Share of the hours from whose use on the plan is cheaper; above 1 where it never is."""
    return plan.price.amount / on_demand.amount


def committed(question: Savings, plan: Plan) -> int:
    """Instances for which a commitment pays: those that are needed in more than the break-even share of the hours."""
    share = break_even(plan, question.on_demand)
    return sum(question.load.used(number) / HOURS_PER_DAY > share for number in range(1, question.load.peak + 1))


def monthly(question: Savings, plan: Plan | None, count: int) -> float:
    """Cost of a month with ``count`` instances under a plan, and what is needed beyond them on demand."""
    beyond = sum(question.load.used(number) for number in range(count + 1, question.load.peak + 1))
    cost = beyond * question.days * question.on_demand.amount
    return cost + (count * question.hours_per_month * plan.price.amount if plan else 0.0)


def answer(question: Savings) -> Answer:
    """Break-even use of each plan, and how many instances of the load to commit for."""
    otherwise = monthly(question, None, 0)
    best: dict[int, int] = {plan.years: committed(question, plan) for plan in question.plans}
    cheapest = min(question.plans, key=lambda plan: monthly(question, plan, best[plan.years]))
    cost = monthly(question, cheapest, best[cheapest.years])
    finding = "; ".join(
        f"{plan.name}: {saved(plan.price.amount, question.on_demand.amount):.0%} less, pays from"
        f" {break_even(plan, question.on_demand):.1%} use on" for plan in question.plans
    )  # fmt: skip
    if best[cheapest.years]:
        finding += (f". For the load {question.load.text}: commit {best[cheapest.years]} of {question.load.peak} for"
                    f" {cheapest.name}, {money(cost)} a month against {money(otherwise)} on demand.")  # fmt: skip
    else:
        finding += f". For the load {question.load.text} no commitment pays."
    return Answer(
        title="Savings plans", finding=finding, tables=(_plans(question), _load(question, best)),
        prices=(question.on_demand, *(plan.price for plan in question.plans)),
        assumptions=(
            "a plan is paid for every hour of its term, used or not, and not given back",
            f"the load {question.load.text} comes every day (--load)",
            f"{question.hours_per_month:g} hours a month (--hours-per-month)",
        ),
        formulas=("break-even use: the plan's price over the on-demand price",),
        data={
            "plans": [{"years": plan.years, "discount": saved(plan.price.amount, question.on_demand.amount),
                       "break_even_use": break_even(plan, question.on_demand), "commit": best[plan.years],
                       "monthly": monthly(question, plan, best[plan.years])} for plan in question.plans],
            "monthly_on_demand": otherwise,
        },
        figures=lambda: _figures(question),
    )  # fmt: skip


def _plans(question: Savings) -> Table:
    rows = [
        (plan.name, money(plan.price.amount), f"{saved(plan.price.amount, question.on_demand.amount):.0%}",
         f"{break_even(plan, question.on_demand):.1%}",
         f"{break_even(plan, question.on_demand) * question.hours_per_month:.0f}",
         money(plan.price.amount * HOURS_PER_YEAR * plan.years)) for plan in question.plans
    ]  # fmt: skip
    rows.insert(0, ("on demand", money(question.on_demand.amount), "", "", "", ""))
    columns = ("plan", "an hour", "less", "break-even use", "hours a month", "committed for one instance")
    return Table(title="Plans", columns=columns, rows=tuple(rows))


def _load(question: Savings, best: dict[int, int]) -> Table:
    def rows() -> Iterator[tuple[str, ...]]:
        otherwise = monthly(question, None, 0)
        yield ("on demand alone", "0", money(otherwise), "")
        for plan in question.plans:
            counts: Sequence[int] = sorted({best[plan.years], question.load.peak})
            for count in counts:
                cost = monthly(question, plan, count)
                name = f"{plan.name}, {'what pays' if count == best[plan.years] else 'the whole peak'}"
                yield (name, str(count), money(cost), f"{saved(cost, otherwise):.0%}")

    return Table(title=f"A month of {question.load.text}", columns=("", "committed", "cost", "saved"),
                 rows=tuple(rows()))  # fmt: skip


def _figures(question: Savings) -> list[tuple[str, object]]:
    from trainyard.pages.figures import COLOURS, line, plot

    figure = plot(x="share of the hours that are used (%)", y="cost of a month, one instance")
    month = question.hours_per_month
    figure.add_trace(line([0, 100], [0, month * question.on_demand.amount], "on demand", COLOURS[0]))
    for colour, plan in zip(COLOURS[1:], question.plans, strict=False):
        cost = month * plan.price.amount
        figure.add_trace(line([0, 100], [cost, cost], plan.name, colour, dash="dash"))
    return [("Cost of one instance by its use. A plan pays to the right of where the lines cross.", figure)]
