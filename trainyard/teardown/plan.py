"""What is done, in an order in which nothing goes before what uses it, and what stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from trainyard.teardown.bills import Bill, total
from trainyard.teardown.steps import VPC, Step, Steps
from trainyard.teardown.strays import Stray, When
from trainyard.teardown.survey import Held, Survey

LOGS = "logs"
"""The word that lets all log groups and other records go."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One thing that stays."""

    what: str
    why: str
    bill: Bill
    """What it goes on billing."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps in their order, and what stays."""

    steps: tuple[Step, ...]
    kept: tuple[Kept, ...]
    survey: Survey

    @property
    def stays(self) -> Bill:
        """What bills afterwards."""
        return total(each.bill for each in self.kept)


def holds_data(survey: Survey) -> list[str]:
    """What is typed to let each thing with data go, keys last, records by one word."""
    held = sorted(
        (each for each in survey.held if each.contents.data and not each.holder.record), key=lambda each: each.is_key
    )
    names = [each.name for each in held] + [each.name_typed for each in survey.strays if each.data]
    return [*names, *([LOGS] if records(survey) else [])]


def records(survey: Survey) -> list[str]:
    """What the one word is about."""
    held = [each.what for each in survey.held if each.holder.record and each.contents.data]
    return held + [each.what for each in survey.strays if each.record]


def build(survey: Survey, go: Iterable[str]) -> Plan:
    """The plan that lets ``go`` go and keeps everything else that holds data.

    Args:
        survey: What there is.
        go: Of :func:`holds_data`.
    """
    wanted = frozenset(go)
    chosen = {each.what: _chosen(each, wanted) for each in survey.held}
    stays = {each.what for each in survey.strays if not _stray_goes(each, wanted)}
    whole = _kept_stacks(survey, chosen, stays)
    if whole:
        # What a control plane made in the network is in use as long as that is.
        stays |= {each.what for each in survey.strays if each.when is When.NETWORK}
    keys = {_bare(each.contents.key) for each in survey.held
            if each.contents.key and (not chosen[each.what] or each.stack in whole)}  # fmt: skip
    going = {each.what for each in survey.held
             if chosen[each.what] and each.stack not in whole and _bare(each.identity) not in keys}  # fmt: skip
    steps = Steps(survey, whole, going, stays).steps()
    order = TopologicalSorter({each.id: each.after for each in steps.values()}).static_order()
    return Plan(
        steps=tuple(steps[each] for each in order),
        kept=tuple(_kept(survey, whole, going, stays, keys)),
        survey=survey,
    )


def _chosen(held: Held, wanted: frozenset[str]) -> bool:
    return not held.contents.data or (LOGS if held.holder.record else held.name) in wanted


def _stray_goes(stray: Stray, wanted: frozenset[str]) -> bool:
    return not (stray.data or stray.record) or (LOGS if stray.record else stray.name_typed) in wanted


def _bare(key: str | None) -> str:
    """A key's id, from its ARN too."""
    return (key or "").rpartition("/")[2]


def _kept_stacks(survey: Survey, chosen: Mapping[str, bool], stays: set[str]) -> set[str]:
    """Stacks of what is kept and holds addresses of the network, and those that they use."""
    found = {each.stack for each in survey.held if each.stack and each.holder.in_network and not chosen[each.what]}
    if any(each.what in stays and each.in_network for each in survey.strays):
        found |= {name for name, stack in survey.stacks.items() if any(each.type == VPC for each in stack.resources)}
    while more := {used for name in found for used in survey.needs.get(name, ())} - found:
        found |= more
    return {each for each in found if each}


def _kept(survey: Survey, whole: set[str], going: set[str], stays: set[str], keys: set[str]) -> Iterable[Kept]:
    for name in sorted(whole):
        bill = total(bill for _, bill in survey.resources(name))
        why = "something that is kept lies in it, or in a stack that uses it"
        yield Kept(what=f"stack {name}", why=why, bill=bill)
    for each in survey.held:
        if each.what not in going:
            if each.stack in whole:
                why = "its stack stays"
            elif each.is_key and _bare(each.identity) in keys:
                why = "what is kept is encrypted under it"
            else:
                why = f"{each.contents.says}: it was not named"
            yield Kept(what=each.what, why=why, bill=each.contents.bill)
    for stray in survey.strays:
        if stray.what in stays:
            yield Kept(what=stray.what, why=stray.why, bill=stray.bill)
