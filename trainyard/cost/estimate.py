"""The estimate of templates: environment → stack → resource → lines, with the prices that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ml_contract.errors import reject
from trainyard.cost.assumptions import Assumptions
from trainyard.cost.estimators.base import Around, Estimator, free_types, unknown
from trainyard.cost.estimators.properties import NotTold
from trainyard.cost.lines import Line, Sum, total
from trainyard.cost.prices import Price, Prices
from trainyard.cost.templates import Resource, Template

Load = Callable[[str], Prices]
"""Gives the prices of a region."""


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """One resource that bills, or may."""

    logical_id: str
    type: str
    lines: tuple[Line, ...]

    @property
    def sum(self) -> Sum:
        return total(self.lines)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack."""

    id: str
    environment: str
    region: str
    resources: tuple[Estimated, ...]
    """Those that bill, or may: what is unknown first, then the dearest."""
    free: int
    """How many of its resources bill nothing by themselves."""
    absent: Mapping[str, int]
    """Condition that is false under the given parameters → how many resources it keeps away."""

    @property
    def sum(self) -> Sum:
        return _sum(each.sum for each in self.resources)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What stacks cost."""

    stacks: tuple[Stack, ...]
    prices: Mapping[str, Mapping[str, Price]]
    """Region → item → price, those that were used."""
    assumptions: Assumptions = field(default_factory=lambda: Assumptions(given={}))

    @property
    def sum(self) -> Sum:
        return _sum(each.sum for each in self.stacks)

    @property
    def environments(self) -> dict[str, list[Stack]]:
        """Environment → its stacks."""
        found: dict[str, list[Stack]] = {}
        for stack in self.stacks:
            found.setdefault(stack.environment, []).append(stack)
        return found

    def older_than(self, days: int, today: date) -> list[Price]:
        """Prices that were read more than ``days`` days before ``today``, oldest first."""
        used = [price for region in self.prices.values() for price in region.values()]
        return sorted((each for each in used if (today - each.read).days > days), key=lambda price: price.read)


def estimate(templates: Sequence[Template], assumptions: Assumptions, load: Load = Prices.load) -> Estimate:
    """What ``templates`` cost under ``assumptions``.

    Args:
        templates: The stacks.
        assumptions: How much is used.
        load: Gives the prices of a region.

    Raises:
        ContractError: There are no prices of a stack's region.
    """
    tables = {region: load(region) for region in sorted({each.region for each in templates})}
    found = tuple(_stack(each, tables[each.region], assumptions) for each in templates)
    used: dict[str, dict[str, Price]] = {region: {} for region in tables}
    for stack in found:
        for item in (item for each in stack.resources for line in each.lines for item in line.prices):
            used[stack.region][item] = tables[stack.region].item(item)
    return Estimate(stacks=found, prices=used, assumptions=assumptions)


def with_prices(given: Sequence[str], today: date, load: Load = Prices.load) -> Load:
    """``load``, with prices that a user gave as ITEM=AMOUNT, of the unit that the item has or that its name ends with.

    Raises:
        ContractError: Not of that form, no amount, or below 0.
    """
    amounts: dict[str, float] = {}
    for text in given:
        item, equals, amount = text.partition("=")
        try:
            amounts[item] = float(amount)
        except ValueError:
            equals = ""
        if not equals or not item or not 0 <= amounts[item] < 1e9:
            reject("--price", text, "it must look like ITEM=AMOUNT, from 0 on",
                   "Write for example --price ml.p5.48xlarge/cluster=66.05.")  # fmt: skip

    def changed(region: str) -> Prices:
        table = load(region)
        rows = dict(table.rows)
        for item, amount in amounts.items():
            known = rows.get(item)
            unit = known.unit if known else "hour" if "/" in item and "month" not in item else "month"
            rows[item] = Price(item=item, amount=amount, unit=unit, currency="USD",
                               source="given with --price", read=today)  # fmt: skip
        return Prices(region=region, rows=rows)

    return changed


def _stack(template: Template, prices: Prices, assumptions: Assumptions) -> Stack:
    around = Around(template=template, prices=prices, assumptions=assumptions)
    free, found, count = free_types(), [], 0
    for resource in template.resources.values():
        if resource.type in free:
            count += 1
            continue
        lines = tuple(_lines(resource, around))
        if lines:
            found.append(Estimated(logical_id=resource.logical_id, type=resource.type, lines=lines))
        else:
            count += 1
    # What is unknown may be the dearest of all; then dearest first.
    found.sort(key=lambda each: (not each.sum.unknown, -each.sum.fixed.high - each.sum.use.high - each.sum.run))
    return Stack(
        id=template.id,
        environment=template.environment,
        region=template.region,
        resources=tuple(found),
        free=count,
        absent=template.absent,
    )


def _lines(resource: Resource, around: Around) -> Iterator[Line]:
    estimator = Estimator.registered.get(resource.type)
    if estimator is None:
        yield unknown(resource.type, _why(resource.type))
        return
    if resource.only_if:
        yield unknown("whether it exists", f"depends on the condition {resource.only_if}")
    try:
        yield from estimator.lines(resource, around)
    except NotTold as error:
        yield unknown("the rest of it", str(error))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A template may hold anything, and functions where an object is read: one resource must not end the estimate.
        yield unknown("the rest of it", f"its properties have a form that no estimator reads ({type(error).__name__})")


def _why(kind: str) -> str:
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return "a custom resource: what it makes is not in the template"
    if kind in ("AWS::CloudFormation::Stack", "AWS::Serverless::Application"):
        return "a nested stack: estimate its own template"
    return "no estimator knows this type, and it is not among those that never bill"


def _sum(sums: Iterator[Sum]) -> Sum:
    found = Sum()
    for each in sums:
        found += each
    return found
