"""Looking again: what is left of an environment, and what it bills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainyard.teardown.bills import Bill
from trainyard.teardown.survey import Survey


@dataclass(frozen=True, kw_only=True)
class Left:
    """One thing that there still is."""

    what: str
    says: str
    bill: Bill


def left(survey: Survey) -> list[Left]:
    """Everything that there still is: stacks with what bills in them, what holds data, what is beside them."""
    return list(_left(survey))


def _left(survey: Survey) -> Iterator[Left]:
    for name in survey.stacks:
        bill = Bill()
        for _, each in survey.resources(name):
            bill += each
        yield Left(what=f"stack {name}", says=survey.stacks[name].status, bill=bill)
    for held in survey.held:
        yield Left(what=held.what, says=held.contents.says, bill=held.contents.bill)
    for stray in survey.strays:
        yield Left(what=stray.what, says=stray.why, bill=stray.bill)


def verdict(survey: Survey) -> tuple[bool, str]:
    """Whether nothing bills, and the sentence that says so, or what does and how much."""
    found = left(survey)
    billing = [each for each in found if each.bill.bills]
    total = Bill()
    for each in billing:
        total += each.bill
    if survey.unseen:
        return False, f"it is not certain what bills: could not look at {'; '.join(survey.unseen)}"
    if billing:
        return (
            False,
            f"{len(billing)} still bill, {total}: {', '.join(f'{each.what} ({each.bill})' for each in billing)}",
        )
    if found:
        return True, f"nothing bills; {len(found)} are still there: {', '.join(each.what for each in found)}"
    return True, "nothing bills, and nothing is left"
