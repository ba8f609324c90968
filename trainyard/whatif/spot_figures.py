"""Plots of spot against on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import plotly.graph_objects as go

from ml_contract.errors import ContractError
from ml_contract.sizing.interruptions import expect
from trainyard.pages.figures import COLOURS, line, marker, plot
from trainyard.whatif.spot_question import Spot, best_interval, break_even
from trainyard.whatif.spot_simulation import Simulated


def figures(question: Spot, found: Simulated) -> Sequence[tuple[str, go.Figure]]:
    """Cost by rate, cost by interval, and the simulated costs."""
    return (
        ("Expected cost of a run by interruptions of the job an hour. The diamond is the rate that was asked about.",
         _by_rate(question)),
        ("Expected cost on spot by the time between checkpoints.", _by_interval(question)),
        (f"Cost of {len(found.outcomes):,} simulated runs on spot.", _simulated(question, found)),
    )  # fmt: skip


def _by_rate(question: Spot) -> go.Figure:
    limit = break_even(question)
    most = max(2 * question.run.per_hour, 1.3 * (limit or 0), 0.01)
    points = list(_costs(question, [most * step / 120 for step in range(121)]))
    on_demand = question.cost(question.undisturbed.undisturbed_seconds, question.on_demand)
    figure = plot(x="interruptions of the job an hour", y="cost of a run")
    figure.add_trace(line([x for x, _ in points], [y for _, y in points], "spot, expected", COLOURS[0]))
    figure.add_trace(line([0, most], [on_demand, on_demand], "on demand", COLOURS[1], dash="dash"))
    asked = question.run.per_hour
    cost = question.cost(expect(question.run).held_seconds, question.spot)
    figure.add_trace(marker(asked, cost, "asked about", COLOURS[0]))
    return figure


def _costs(question: Spot, rates: Sequence[float]) -> Iterator[tuple[float, float]]:
    for rate in rates:
        try:
            run = replace(question.run, per_hour=rate)
        except ContractError:
            return
        yield rate, question.cost(expect(run).held_seconds, question.spot)


def _by_interval(question: Spot) -> go.Figure:
    run, best = question.run, best_interval(question.run)
    middle = best or run.interval_seconds
    points = []
    for step in range(-40, 41):
        seconds = middle * 10 ** (step / 40)
        try:
            other = replace(run, interval_seconds=seconds)
        except ContractError:
            continue
        points.append((other.work_seconds / other.saves / 60, question.cost(expect(other).held_seconds, question.spot)))
    points = sorted(set(points))
    figure = plot(x="minutes between checkpoints", y="expected cost on spot")
    figure.update_xaxes(type="log")
    figure.update_yaxes(rangemode="normal")
    figure.add_trace(line([x for x, _ in points], [y for _, y in points], "expected", COLOURS[0]))
    for at, name, colour in ((run.interval_seconds, "as given", COLOURS[1]), (best, "Young and Daly", COLOURS[2])):
        if at is not None:
            cost = question.cost(expect(replace(run, interval_seconds=at)).held_seconds, question.spot)
            figure.add_trace(marker(at / 60, cost, name, colour))
    return figure


def _simulated(question: Spot, found: Simulated) -> go.Figure:
    costs = [question.cost(seconds, question.spot) for seconds in found.held]
    figure = plot(x="cost of a run on spot", y="runs")
    # Counts alone: thousands of values would be in the page otherwise.
    low, high = costs[0], max(costs[-1], costs[0] * 1.001 + 1e-9)
    width = (high - low) / 40
    counts = [0] * 40
    for cost in costs:
        counts[min(39, int((cost - low) / width))] += 1
    middles = [low + (number + 0.5) * width for number in range(40)]
    figure.add_trace(go.Bar(x=middles, y=counts, width=width, marker_color=COLOURS[0], name="simulated runs"))
    mean = question.cost(expect(question.run).held_seconds, question.spot)
    figure.add_vline(x=mean, line_dash="dash", line_color=COLOURS[1], annotation_text="expected")
    figure.update_layout(showlegend=False)
    return figure
