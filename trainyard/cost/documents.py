"""An estimate as JSON for programs, and as Markdown for a pull request."""

from __future__ import annotations

from datetime import date
from typing import Any

from trainyard.cost.assumptions import KNOWN
from trainyard.cost.estimate import Estimate
from trainyard.cost.estimators.base import money
from trainyard.cost.lines import HOURS_A_MONTH, Kind, Line, Range, Sum
from trainyard.cost.show import footnotes, resources, sum_of


def as_json(found: Estimate, today: date, days: int) -> dict[str, Any]:
    """For programs. Amounts are dollars; a range is ``[low, high]``."""
    return {
        "currency": "USD",
        "hours_a_month": HOURS_A_MONTH,
        "sum": _sum(found.sum),
        "environments": {
            name: {
                "sum": _sum(sum_of(stacks)),
                "stacks": {
                    stack.id: {
                        "region": stack.region,
                        "sum": _sum(stack.sum),
                        "absent": dict(stack.absent),
                        "resources": {
                            each.logical_id: {"type": each.type, "lines": [_as_json(line) for line in each.lines]}
                            for each in stack.resources
                        },
                    }
                    for stack in stacks
                },
            }
            for name, stacks in found.environments.items()
        },
        "assumptions": {name: found.assumptions[name] for name in KNOWN},
        "prices": {
            region: {
                item: {"amount": x.amount, "unit": x.unit, "read": x.read.isoformat(), "source": x.source}
                for item, x in sorted(rows.items())
            }
            for region, rows in found.prices.items()
        },
        "older_than_days": {"days": days, "items": [each.item for each in found.older_than(days, today)]},
    }


def as_markdown(found: Estimate, today: date, days: int) -> str:
    """For a comment: a row a stack, and what is unknown below."""
    parts = [
        "### What the stacks cost",
        "",
        "| stack | fixed, a month | by use, a month | a run, at most | unknown |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    rows = [(stack.id, stack.sum) for stack in found.stacks if stack.resources]
    for name, each in [*rows, ("**all**", found.sum)]:
        run, unknown = f"{each.run:,.2f}" if each.run else "", each.unknown or ""
        parts.append(f"| {name} | {money(each.fixed)} | {money(each.use)} | {run} | {unknown} |")
    unknown_lines = [
        f"- `{stack.id}` {resource.logical_id}: {line.what}: {line.how}"
        for stack in found.stacks for resource in stack.resources for line in resource.lines
        if line.kind is Kind.UNKNOWN
    ]  # fmt: skip
    absent = [f"- `{stack.id}`: not made, {resources(count)}: {name} is false (--parameter)"
              for stack in found.stacks for name, count in stack.absent.items()]  # fmt: skip
    if absent:
        parts += ["", *absent]
    if unknown_lines:
        parts += ["", f"<details><summary>{len(unknown_lines)} unknown, in no sum</summary>", "", *unknown_lines, "",
                  "</details>"]  # fmt: skip
    return "\n".join([*parts, "", *(f"- {note}" for note in footnotes(found, today, days))])


def _pair(amount: Range | None) -> list[float] | None:
    return None if amount is None else [round(amount.low, 6), round(amount.high, 6)]


def _sum(found: Sum) -> dict[str, Any]:
    return {
        "fixed_hourly": _pair(found.fixed * (1 / HOURS_A_MONTH)),
        "fixed_monthly": _pair(found.fixed),
        "use_monthly": _pair(found.use),
        "run": round(found.run, 6),
        "unknown": found.unknown,
    }


def _as_json(line: Line) -> dict[str, Any]:
    return {
        "what": line.what,
        "kind": str(line.kind),
        "monthly": _pair(line.monthly),
        "hourly": _pair(line.hourly),
        "run": None if line.run is None else round(line.run, 6),
        "how": line.how,
        "assumed": list(line.assumed),
        "prices": list(line.prices),
        "missing": list(line.missing),
    }
