"""An estimate as a tree in the terminal, and what must be said beside its figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from trainyard.cost.assumptions import KNOWN
from trainyard.cost.estimate import Estimate, Stack
from trainyard.cost.estimators.base import money
from trainyard.cost.lines import HOURS_A_MONTH, Kind, Line, Range, Sum

_STYLES = {Kind.FIXED: "green", Kind.USE: "yellow", Kind.RUN: "cyan", Kind.UNKNOWN: "bold red", Kind.NOTE: "dim"}
LEGEND = (
    f"fixed: bills while it exists, {HOURS_A_MONTH} h a month · use: depends on use, its assumption beside it · "
    "run: one run at most, for its whole time limit · unknown: bills, how much is not told; in no sum"
)


def hourly(amount: Range) -> str:
    """Dollars an hour, of what is known by the month."""
    return f"{money(amount * (1 / HOURS_A_MONTH), 4)}/h"


def brief(found: Sum) -> str:
    """A sum in a line."""
    parts = []
    if found.fixed.high:
        parts.append(f"{money(found.fixed)}/month fixed ({hourly(found.fixed)})")
    if found.use.high:
        parts.append(f"{money(found.use)}/month by use")
    if found.run:
        parts.append(f"at most {found.run:,.2f} for one run of each pipeline")
    if found.unknown:
        parts.append(f"{found.unknown} unknown, in no sum")
    floor = "at least " if found.unknown and (found.fixed.high or found.use.high) else ""
    return floor + ", ".join(parts) if parts else "nothing that bills"


def tree(found: Estimate, *, everything: bool = False) -> Tree:
    """Environment → stack → resource → line; without ``everything`` lines below a dollar a month are left out."""
    root = Tree(Text(f"USD: {brief(found.sum)}", style="bold"))
    for environment, stacks in found.environments.items():
        node = root.add(Text(f"{environment}: {brief(sum_of(stacks))}", style="bold"))
        for stack in stacks:
            if not stack.resources and not stack.absent and not everything:
                continue
            branch = node.add(Text(f"{stack.id}: {brief(stack.sum)}"))
            small = 0
            for resource in stack.resources:
                lines = [each for each in resource.lines if everything or _shown(each)]
                small += len(resource.lines) - len(lines)
                if lines:
                    leaf = branch.add(Text.assemble(resource.logical_id, (f"  {resource.type}", "dim")))
                    for line in lines:
                        leaf.add(_line(line))
            for condition, count in stack.absent.items():
                note = f"not made, {resources(count)}: {condition} is false (--parameter)"
                branch.add(Text.assemble(("note    ", _STYLES[Kind.NOTE]), note))
            if small:
                branch.add(Text(f"{small} lines below 1 a month each (--all shows them)", style="dim"))
    return root


def footnotes(found: Estimate, today: date, days: int) -> Iterator[str]:
    """What a reader must know beside the figures: the legend, assumptions, unknown prices, age of prices."""
    yield LEGEND
    used = {name.partition("=")[0] for line in _lines(found) for name in line.assumed}
    settable = [f"{found.assumptions.said(name)} {KNOWN[name].unit}" for name in sorted(used) if name in KNOWN]
    if settable:
        yield f"assumed, settable with --assume: {'; '.join(settable)}"
    missing = sorted({item for line in _lines(found) for item in line.missing})
    if missing:
        example = f"--price {missing[0]}=1.23"
        yield f"prices missing: {', '.join(missing)}. Give them ({example}), or run `trainyard cost refresh`"
    rows = [price for region in found.prices.values() for price in region.values()]
    if rows:
        yield (f"{len(rows)} prices of {', '.join(sorted(found.prices))} used, read from {min(x.read for x in rows)} "
               f"to {max(x.read for x in rows)}; without free tiers, taxes, support and discounts")  # fmt: skip
    old = found.older_than(days, today)
    if old:
        yield (f"WARNING: {len(old)} of them are older than {days} days (oldest {old[0].item}, {old[0].read}): "
               "run `trainyard cost refresh`, or set --max-age-days")  # fmt: skip


def print_tree(found: Estimate, console: Console, today: date, days: int, *, everything: bool) -> None:
    """To the terminal."""
    console.print(tree(found, everything=everything))
    for note in footnotes(found, today, days):
        console.print(Text(note, style="bold red" if note.startswith("WARNING") else "dim"))


def resources(count: int) -> str:
    """``1 resource``, ``2 resources``."""
    return f"{count} resource{'' if count == 1 else 's'}"


def _line(line: Line) -> Text:
    text = Text.assemble((f"{line.kind:<7} ", _STYLES[line.kind]), line.what, ": ")
    if line.monthly is not None:
        text.append(f"{money(line.monthly)}/month", style="bold")
        if line.kind is Kind.FIXED:
            text.append(f" ({hourly(line.monthly)})")
    elif line.run is not None:
        text.append(f"{line.run:,.2f}/run", style="bold")
    else:
        text.append(line.how)
        return text
    text.append(f"  {line.how}", style="dim")
    if line.assumed:
        text.append(f"  [{', '.join(line.assumed)}]", style="dim")
    return text


def _shown(line: Line) -> bool:
    amount = line.monthly.high if line.monthly else line.run
    return line.kind in (Kind.UNKNOWN, Kind.NOTE) or (amount or 0) >= 1


def _lines(found: Estimate) -> Iterator[Line]:
    for stack in found.stacks:
        for resource in stack.resources:
            yield from resource.lines


def sum_of(stacks: list[Stack]) -> Sum:
    """The sum of stacks."""
    found = Sum()
    for stack in stacks:
        found += stack.sum
    return found
