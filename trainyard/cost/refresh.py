"""A price table rewritten through AWS's own APIs: Price List, Savings Plans, and EC2's history of spot prices.

What an answer looks like: "Using the AWS Price List Query API" and GetProducts, AWS Billing documentation; each element
of ``PriceList`` is a JSON text with ``product.attributes`` and ``terms.OnDemand.*.priceDimensions.*``. Read 2026-11-22.
Which product is which item: `offers`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from ml_contract.errors import reject
from trainyard.cost.offers import NARROWED, PREFIX, READERS, groups, instance
from trainyard.cost.prices import CURRENCY, TABLES, Price, Prices, write

_SPOT_DAYS = 7
_AT_ONCE = 100
"""Types in one question: a filter of EC2 takes 200 values."""


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Clients of boto3."""

    pricing: Any
    savings: Any
    ec2: Any
    """Of the region whose prices are wanted: spot prices are the region's own."""


def refresh(region: str, clients: Clients, *, today: date, tables: Path | None = None) -> Iterator[str]:
    """Rewrite the table of ``region``; prices that AWS does not tell keep their row, their day and their source.

    Args:
        region: Whose prices.
        clients: Of boto3.
        today: The day that is written beside each price.
        tables: Folder of the tables.

    Yields:
        What was done, a line at a time.

    Raises:
        ContractError: AWS told no price of that region.
    """
    folder = tables or TABLES
    offered = {each.item: each for each in _offered(region, clients.pricing, today)}
    if not offered:
        reject("--region", region, "the Price List has no price of it", "Give a region such as us-east-1.")
    yield f"{len(offered)} prices on demand of {region}"
    kinds = sorted({item.partition("/")[0] for item in offered if item.startswith("ml.")})
    for name, found in (
        ("savings plans", _savings(region, clients.savings, today)),
        (f"spot, mean of {_SPOT_DAYS} days", _spot(clients.ec2, kinds, today)),
    ):
        more = {each.item: each for each in found}
        offered |= more
        yield f"{len(more)} prices of {name}"
    known = dict(Prices.load(region, tables=folder).rows) if (folder / f"{region}.csv").is_file() else {}
    kept = {item: price for item, price in known.items() if item not in offered}
    changed = [item for item, price in offered.items() if item in known and known[item].amount != price.amount]
    for item in sorted(changed):
        yield f"{item}: {known[item].amount:g} ({known[item].read}) is {offered[item].amount:g} now"
    if kept:
        yield f"{len(kept)} prices that AWS did not tell keep their day: {', '.join(sorted(kept))}"
    prices = [*offered.values(), *kept.values()]
    ids = {_LIST: "price-list", _SAVINGS: "savings-plans", _SPOT: "spot-history"}
    file = write(region, prices, {text: name for text, name in ids.items() if any(x.source == text for x in prices)},
                 tables=folder)  # fmt: skip
    yield f"{file}: {len(prices)} prices"


_LIST = "AWS Price List Query API, GetProducts, on demand"
_SAVINGS = "AWS Savings Plans API, DescribeSavingsPlansOfferingRates, SageMaker, no upfront"
_SPOT = f"Amazon EC2 API, DescribeSpotPriceHistory, Linux, mean of all zones over {_SPOT_DAYS} days"


def _offered(region: str, client: Any, today: date) -> Iterator[Price]:
    for (service, family), rows in groups().items():
        read = READERS.get((service, family))
        for document in _products(client, service, family, region):
            attributes = document["product"].get("attributes", {})
            item, first = read(attributes) if read else None, _amount(document, None)
            if item is not None and first is not None:
                yield _price(item, first, "gb-month" if item.endswith("gb-month") else "hour", today)
            usage = PREFIX.sub("", str(attributes.get("usagetype", "")))
            for row in rows:
                amount = _amount(document, row["begin"] or None) if usage == row["usage"] else None
                if amount is not None:
                    yield _price(row["item"], amount * float(row["of"]), row["unit"], today)


def _products(client: Any, service: str, family: str, region: str) -> Iterator[dict[str, Any]]:
    wanted = (
        {"regionCode": region} | ({"productFamily": family} if family else {}) | NARROWED.get((service, family), {})
    )
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=service,
        Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
    )
    for page in pages:
        for text in page["PriceList"]:
            yield json.loads(text)


def _amount(document: Mapping[str, Any], begin: str | None) -> float | None:
    """The price on demand of one unit: of the tier that begins there, or of the first that costs something."""
    dimensions = [
        dimension
        for term in document.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if CURRENCY in dimension["pricePerUnit"]
    ]
    if begin is not None:
        tiers = [each for each in dimensions if float(each.get("beginRange", 0)) == float(begin)]
        dimensions = tiers or dimensions
    dimensions.sort(key=lambda each: float(each.get("beginRange") or 0))
    amounts = [float(each["pricePerUnit"][CURRENCY]) for each in dimensions]
    return next((each for each in amounts if each > 0), None)


def _savings(region: str, client: Any, today: date) -> Iterator[Price]:
    """Rates of SageMaker savings plans without upfront payment, of one year and of three."""
    token = ""
    while True:
        answer = client.describe_savings_plans_offering_rates(
            savingsPlanTypes=["SageMaker"],
            savingsPlanPaymentOptions=["No Upfront"],
            products=["SageMaker"],
            filters=[{"name": "region", "values": [region]}],
            **({"nextToken": token} if token else {}),
        )
        for rate in answer["searchResults"]:
            years = round(rate["savingsPlanOffering"]["durationSeconds"] / (365 * 86400))
            item, plan = instance({"usagetype": rate["usageType"]}), f"savings-{years}-year"
            if item is not None and years in (1, 3):
                yield Price(item=f"{item}/{plan}", amount=float(rate["rate"]), unit="hour", currency=CURRENCY,
                            source=_SAVINGS, read=today)  # fmt: skip
        token = answer.get("nextToken") or ""
        if not token:
            return


def _spot(client: Any, kinds: list[str], today: date) -> Iterator[Price]:
    """The mean of what a week of history holds, of each type that SageMaker offers too."""
    names = sorted({each.removeprefix("ml.") for each in kinds})
    seen: dict[str, list[float]] = defaultdict(list)
    begin = datetime.combine(today - timedelta(days=_SPOT_DAYS), time(), tzinfo=UTC)
    pages = client.get_paginator("describe_spot_price_history")
    for number in range(0, len(names), _AT_ONCE):
        # By filter: one name of `InstanceTypes` that EC2 does not have there would refuse them all.
        filters = [{"Name": "instance-type", "Values": names[number : number + _AT_ONCE]}]
        for page in pages.paginate(Filters=filters, ProductDescriptions=["Linux/UNIX"], StartTime=begin):
            for point in page["SpotPriceHistory"]:
                seen[point["InstanceType"]].append(float(point["SpotPrice"]))
    for name, amounts in sorted(seen.items()):
        yield Price(item=f"{name}/spot", amount=round(fmean(amounts), 6), unit="hour", currency=CURRENCY,
                    source=_SPOT, read=today)  # fmt: skip


def _price(item: str, amount: float, unit: str, today: date) -> Price:
    return Price(item=item, amount=amount, unit=unit, currency=CURRENCY, source=_LIST, read=today)
