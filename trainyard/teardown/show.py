"""A plan for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainyard.teardown.bills import Bill
from trainyard.teardown.plan import Plan, holds_data
from trainyard.teardown.steps import Step
from trainyard.teardown.words import UNPROTECT


def lines(plan: Plan) -> Iterator[str]:
    """The plan, a step a line, what it bills today beside it; then what stays, and what must be typed."""
    survey = plan.survey
    data = sum(each.contents.data for each in survey.held)
    yield (f"{survey.environment.name} in account {survey.environment.account}, {survey.environment.region}: "
           f"{len(survey.stacks)} stacks, {data} things with data, {len(survey.strays)} beside them; "
           f"bills {bills_today(plan)}")  # fmt: skip
    if not plan.steps and not plan.kept:
        yield "there is nothing to tear down"
        return
    width = len(str(len(plan.steps)))
    yield ""
    for number, step in enumerate(plan.steps, start=1):
        yield f"{number:>{width}}  {step.verb:<10}  {step.what}{_bill(step.bill)}: {step.why}"
        yield from _inside(plan, step, " " * (width + 14))
    yield ""
    if plan.kept:
        yield f"stays, and bills {plan.stays}:"
        for kept in plan.kept:
            yield f"  {kept.what}{_bill(kept.bill)}: {kept.why}"
    else:
        yield "nothing stays, and nothing bills afterwards"
    yield "not touched: CDKToolkit, its bucket and its repository: the account's, for whatever else is deployed in it"
    for reason in survey.unseen:
        yield f"NOT LOOKED AT: {reason}"


def bills_today(plan: Plan) -> Bill:
    """What all of it bills now."""
    found = plan.stays
    for step in plan.steps:
        found += step.bill
    return found


def to_type(plan: Plan) -> list[str]:
    """The words, in their order."""
    survey = plan.survey
    return [survey.environment.name, *([UNPROTECT] if survey.protected else []), *holds_data(survey)]


def document(plan: Plan) -> dict[str, Any]:
    """For programs; amounts are dollars a month."""
    survey = plan.survey
    return {
        "environment": survey.environment.name,
        "account": survey.environment.account,
        "region": survey.environment.region,
        "protected": survey.protected,
        "bills": _amounts(bills_today(plan)),
        "steps": [
            {
                "verb": step.verb, "what": step.what, "why": step.why, "bills": _amounts(step.bill),
                "after": sorted(each.what for each in plan.steps if each.id in step.after),
            }
            for step in plan.steps
        ],
        "kept": [{"what": each.what, "why": each.why, "bills": _amounts(each.bill)} for each in plan.kept],
        "confirm": to_type(plan),
        "unseen": list(survey.unseen),
    }  # fmt: skip


def _amounts(bill: Bill) -> dict[str, float | int]:
    return {"certain": round(bill.certain, 4), "use": round(bill.use, 4), "unknown": bill.unknown}


def _bill(bill: Bill) -> str:
    return f"  [{bill}]" if bill.bills else ""


def _inside(plan: Plan, step: Step, indent: str) -> Iterator[str]:
    """What bills in a stack, dearest first."""
    if step.verb == "delete" and step.stack:
        found = plan.survey.resources(step.stack)
        for resource, bill in sorted(found, key=lambda each: -each[1].certain - each[1].use):
            yield f"{indent}{resource.logical} ({resource.type}): {bill}"
        kept = {each.what for each in plan.kept}
        for held in plan.survey.held:
            if held.stack == step.stack and not held.retained and held.what not in kept:
                yield f"{indent}with it {held.what}{_bill(held.contents.bill)}: {held.contents.says}"
