"""What a change does to costs, resource by resource: an assembly against the one before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainyard.cost.estimate import Estimate, Estimated
from trainyard.cost.estimators.base import money
from trainyard.cost.lines import Kind, Sum


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource whose estimate differs."""

    stack: str
    logical_id: str
    type: str
    before: Sum | None
    """None: it is new."""
    after: Sum | None
    """None: it is gone."""
    untold: str = ""
    """What changes of what is unknown: ``workers: 16 × … → workers: 18 × …``; empty where nothing does."""

    @property
    def monthly(self) -> tuple[float, float]:
        """By how much a month changes at the least and at the most, fixed and by use together."""
        before, after = self.before or Sum(), self.after or Sum()
        was, will = before.fixed + before.use, after.fixed + after.use
        return will.low - was.low, will.high - was.high

    @property
    def run(self) -> float:
        """By how much a run changes."""
        return (self.after or Sum()).run - (self.before or Sum()).run

    @property
    def unknown(self) -> int:
        """By how many lines more, or fewer, are unknown."""
        return (self.after or Sum()).unknown - (self.before or Sum()).unknown

    @property
    def what(self) -> str:
        """``new``, ``gone`` or ``changed``."""
        return "new" if self.before is None else "gone" if self.after is None else "changed"


def compare(base: Estimate, head: Estimate) -> list[Change]:
    """Every resource that costs something else in ``head`` than in ``base``, the largest change first."""
    before, after = dict(_resources(base)), dict(_resources(head))
    changes = []
    for key in {**before, **after}:
        was, will = before.get(key), after.get(key)
        untold = _untold(was, will)
        if was is None or will is None or untold or not _alike(was.sum, will.sum):
            some = will or was
            assert some is not None
            changes.append(
                Change(
                    stack=key[0],
                    logical_id=key[1],
                    type=some.type,
                    before=None if was is None else was.sum,
                    after=None if will is None else will.sum,
                    untold=untold,
                )
            )
    return sorted(changes, key=lambda each: (-max(map(abs, (*each.monthly, each.run))), each.stack, each.logical_id))


def as_markdown(changes: list[Change]) -> str:
    """For a pull request's comment."""
    parts = ["### What this change costs", ""]
    if not changes:
        return "\n".join([*parts, "Nothing: every resource costs what it cost before."])
    parts += [
        summary(changes), "",
        "| | resource | before, a month | after, a month | difference | a run |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for each in changes:
        name = f"`{each.stack}` {each.logical_id} ({each.type})"
        run = f"{each.run:+,.2f}" if round(each.run, 2) else ""
        cells = (
            each.what,
            name,
            _cell(each.before),
            _cell(each.after),
            signed(each.monthly) + _more(each),
            run,
        )
        parts.append(f"| {' | '.join(cells)} |")
    return "\n".join(parts)


def as_lines(changes: list[Change]) -> Iterator[str]:
    """For the terminal."""
    if not changes:
        yield "no resource costs something else"
        return
    for each in changes:
        run = f", {each.run:+,.2f} a run" if round(each.run, 2) else ""
        yield (f"{each.what:<8}{each.stack} {each.logical_id} ({each.type}): {_cell(each.before)} → "
               f"{_cell(each.after)}: {signed(each.monthly)}{run}{_more(each)}")  # fmt: skip
    yield summary(changes)


def as_json(changes: list[Change]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "what": each.what, "stack": each.stack, "resource": each.logical_id, "type": each.type,
            "monthly": [round(value, 6) for value in each.monthly], "run": round(each.run, 6), "unknown": each.unknown,
            "untold": each.untold,
        }
        for each in changes
    ]  # fmt: skip


def summary(changes: list[Change]) -> str:
    """All of it in a line."""
    low, high = (sum(values) for values in zip(*(each.monthly for each in changes), strict=True))
    run, unknown = sum(each.run for each in changes), sum(each.unknown for each in changes)
    text = f"in all {signed((low, high))} a month"
    if round(run, 2):
        text += f", {run:+,.2f} for one run of each pipeline"
    hidden = sum(bool(each.untold) for each in changes)
    if unknown:
        text += f" and {unknown:+d} unknown"
    return text + (f"; what is unknown changes in {hidden}" if hidden else "")


def signed(amount: tuple[float, float]) -> str:
    """With its sign, as a range where it is one."""
    low, high = (round(each, 2) + 0.0 for each in amount)
    return f"{low:+,.2f}" if low == high else f"{low:+,.2f} to {high:+,.2f}"


def _more(change: Change) -> str:
    if change.untold:
        return f", unknown: {change.untold}"
    return f" and {change.unknown:+d} unknown" if change.unknown else ""


def _cell(found: Sum | None) -> str:
    if found is None:
        return "–"
    return money(found.fixed + found.use) + (f" + {found.unknown} unknown" if found.unknown else "")


def _resources(found: Estimate) -> Iterator[tuple[tuple[str, str], Estimated]]:
    for stack in found.stacks:
        for each in stack.resources:
            yield (stack.id, each.logical_id), each


def _untold(was: Estimated | None, will: Estimated | None) -> str:
    """Lines without an amount that differ: their sums would hide it."""
    before, after = (
        [line.what for line in each.lines if line.kind is Kind.UNKNOWN] if each else [] for each in (was, will)
    )
    if not was or not will or before == after:
        return ""
    gone, new = ([each for each in one if each not in other] for one, other in ((before, after), (after, before)))
    return f"{', '.join(gone) or 'nothing'} → {', '.join(new) or 'nothing'}"


def _alike(was: Sum, will: Sum) -> bool:
    pairs = ((was.fixed.low, will.fixed.low), (was.fixed.high, will.fixed.high), (was.use.low, will.use.low),
             (was.use.high, will.use.high), (was.run, will.run))  # fmt: skip
    return was.unknown == will.unknown and all(abs(a - b) < 0.005 for a, b in pairs)
