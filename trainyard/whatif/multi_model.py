"""Many models on shared instances against an endpoint each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml_contract.checks import between
from trainyard.whatif.answer import Answer, Table, money
from trainyard.whatif.price import HOURS_PER_MONTH, Price, saved

MOST_MODELS = 100_000


@dataclass(frozen=True, kw_only=True)
class MultiModel:
    """The question."""

    models: int
    shared: Price
    """Of an instance that several models share."""
    single: Price
    """Of an instance that serves one model."""
    models_per_instance: int | None = None
    """Models that a shared instance serves; None where one instance serves all."""
    single_instances: int = 1
    """Instances of each single endpoint."""
    hours_per_month: float = HOURS_PER_MONTH

    def __post_init__(self) -> None:
        between("models", self.models, 1, MOST_MODELS)
        if self.models_per_instance is not None:
            between("models-per-instance", self.models_per_instance, 1, MOST_MODELS)
        between("single-instances", self.single_instances, 1, 1000)
        between("hours-per-month", self.hours_per_month, 1, 744)

    def shared_instances(self, models: int) -> int:
        """That so many models need."""
        return 1 if self.models_per_instance is None else math.ceil(models / self.models_per_instance)

    def shared_month(self, models: int) -> float:
        """Cost of a month of shared instances."""
        return self.shared_instances(models) * self.shared.amount * self.hours_per_month

    def single_month(self, models: int) -> float:
        """Cost of a month of single endpoints."""
        return models * self.single_instances * self.single.amount * self.hours_per_month


def ratio(question: MultiModel) -> float:
    """Price of a shared instance over that of a single endpoint: models with which both cost the same."""
    single = question.single.amount * question.single_instances
    return question.shared.amount / single if single else math.inf


def break_even(question: MultiModel) -> int | None:
    """Fewest models from which shared instances are cheaper; None where so many never fit one instance."""
    single = question.single.exact * question.single_instances
    least = question.shared.exact // single + 1 if single else MOST_MODELS + 1
    return least if least <= (question.models_per_instance or MOST_MODELS) else None


def answer(question: MultiModel) -> Answer:
    """Both ways, and from how many models on sharing pays."""
    shared, single = question.shared_month(question.models), question.single_month(question.models)
    least, equal = break_even(question), ratio(question)
    share = saved(shared, single)
    turning = (f"The break-even is {equal:.2f} models: sharing pays from {least} on." if least is not None
               else "Sharing never pays: an instance holds fewer models than its price is worth.")  # fmt: skip
    finding = (f"{question.models} models: {money(shared)} a month shared against {money(single)} on endpoints of their"
               f" own, {abs(share):.0%} {'saved' if share >= 0 else 'more'}. {turning}")  # fmt: skip
    counts = sorted({1, *((least - 1, least) if least else ()), 5, 10, question.models, 2 * question.models} - {0})
    rows = tuple(
        (f"{count:,}", f"{question.shared_instances(count):,}", money(question.shared_month(count)),
         f"{count * question.single_instances:,}", money(question.single_month(count)),
         f"{saved(question.shared_month(count), question.single_month(count)):.0%}") for count in counts
    )  # fmt: skip
    columns = ("models", "shared instances", "a month", "single instances", "a month", "saved")
    holds = question.models_per_instance
    return Answer(
        title="Multi-model endpoint against single endpoints", finding=finding,
        tables=(Table(title="A month", columns=columns, rows=rows),), prices=(question.shared, question.single),
        assumptions=(
            (f"a shared instance serves {'all models' if holds is None else f'{holds} models'}: that their traffic and"
            " memory allow it is to be measured (--models-per-instance)"),
            f"{question.hours_per_month:g} hours a month (--hours-per-month)",
        ),
        formulas=("break-even: the shared instance's price over a single endpoint's",),
        data={"models": question.models, "shared_monthly": shared, "single_monthly": single, "saved": share,
              "break_even_ratio": equal if math.isfinite(equal) else None, "break_even_models": least},
        figures=lambda: _figures(question),
    )  # fmt: skip


def _figures(question: MultiModel) -> list[tuple[str, object]]:
    from trainyard.pages.figures import COLOURS, line, plot

    most = max(2 * question.models, 2 * (break_even(question) or 1), 4)
    counts = sorted({round(1 + (most - 1) * step / 200) for step in range(201)})
    figure = plot(x="models", y="cost of a month")
    figure.add_trace(line(counts, [question.single_month(each) for each in counts], "single endpoints", COLOURS[1]))
    shared = line(counts, [question.shared_month(each) for each in counts], "shared instances", COLOURS[0])
    figure.add_trace(shared.update(line_shape="hv"))
    return [("Cost of a month by the number of models.", figure)]
