"""Prices of one region, from a dated table: nothing here knows a price.

A table is `tables/REGION.csv`, a row a price: `item`, `price` (USD), `unit`, `read` (the day it was read), `source` (an
id of `tables/sources.csv`). Items are paths: ``ml.g5.xlarge/training``, ``ml.g5.xlarge/training/savings-1-year``,
``g5.xlarge/spot``, ``vpc/nat-gateway-hour``. `trainyard cost refresh` rewrites a table through AWS's own APIs.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Self

from ml_contract.errors import reject

Usage = Literal["training", "processing", "transform", "hosting", "async", "cluster"]
"""What a SageMaker instance is hired for; prices differ (async: endpoints with a queue, cluster: HyperPod)."""

_ALIKE = ("hosting", "training", "processing", "transform", "async")
TABLES = Path(__file__).with_name("tables")
CURRENCY = "USD"
COLUMNS = ("item", "price", "unit", "read", "source")
_REFRESH = "Run `trainyard cost refresh` with AWS credentials, or add a row with its source to trainyard/cost/tables/."


@dataclass(frozen=True, kw_only=True)
class Price:
    """One price."""

    item: str
    """Its path in the table, for example ``ml.g5.xlarge/training``."""
    amount: float
    """In ``currency`` for one ``unit``."""
    unit: str
    """``hour``, ``gb-month``, ``gb``, ``month``, ``1000-requests`` …"""
    currency: str
    """ISO code."""
    source: str
    """Where it was read, in words."""
    read: date
    """The day it was read."""

    @property
    def hourly(self) -> float:
        """The price of an hour.

        Raises:
            ContractError: It is not a price of hours.
        """
        if self.unit != "hour":
            reject(self.item, self.unit, "its price is not of an hour", "Use `amount` with its `unit`.")
        return self.amount


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The prices of one region."""

    region: str
    """For example ``us-east-1``."""
    rows: Mapping[str, Price]
    """Item → price."""

    @classmethod
    def load(cls, region: str, *, tables: Path = TABLES) -> Self:
        """Read the table of ``region``.

        Args:
            region: For example ``us-east-1``.
            tables: The folder of tables.

        Raises:
            ContractError: There is no table of that region, or a row of it is no price.
        """
        known = sorted(each.stem for each in tables.glob("*-*-*.csv"))
        if region not in known:
            reject("region", region, f"there are prices of {', '.join(known) or 'no region'} only",
                   f"`trainyard cost refresh --region {region}` writes its table (needs AWS credentials).")  # fmt: skip
        return cls(region=region, rows=_read(tables / f"{region}.csv", tables / "sources.csv"))

    @property
    def read(self) -> tuple[date, date]:
        """The days of the oldest and of the newest price."""
        days = [each.read for each in self.rows.values()]
        return min(days), max(days)

    def find(self, item: str) -> Price | None:
        """The price of ``item``; None where the table does not know it."""
        return self.rows.get(item)

    def alike(self, item: str) -> Price | None:
        """The price of the same instance for another use, where its own is missing; None where none is known.

        A type costs the same for training, processing, transforms and hosting (measured on ml.p4d.24xlarge in
        us-east-1: one price for all of them, another one for clusters; spore-host/truffle, 2026-07-27).
        """
        kind, _, usage = item.partition("/")
        others = (self.rows.get(f"{kind}/{other}") for other in _ALIKE if usage in _ALIKE)
        return next(filter(None, others), None)

    def item(self, item: str) -> Price:
        """The price of ``item``, for example ``vpc/nat-gateway-hour``.

        Raises:
            ContractError: The table does not know it.
        """
        return self.rows.get(item) or self._missing("price", item)

    def instance(self, name: str, *, usage: Usage) -> Price:
        """On-demand price of an hour of one SageMaker instance.

        Args:
            name: With its prefix: ``ml.g5.xlarge``.
            usage: What it is hired for.

        Raises:
            ContractError: The table does not know it for that usage.
        """
        return self.rows.get(f"{name}/{usage}") or self._missing("instance", f"{name}/{usage}")

    def spot(self, name: str) -> Price:
        """What an hour of EC2 spot of the type cost on the day that the price tells: a mean over zones, no promise.

        SageMaker publishes no spot price: a managed spot job pays the on-demand price for fewer billable seconds
        (DescribeTrainingJob, ``BillableTimeInSeconds``), so this is what its saving is likely to be, not a price of it.

        Raises:
            ContractError: The table does not know one.
        """
        item = f"{name.removeprefix('ml.')}/spot"
        return self.rows.get(item) or self._missing("spot", item)

    def savings(self, name: str, *, years: Literal[1, 3], usage: Usage) -> Price:
        """Price of an hour under a SageMaker savings plan without upfront payment.

        Raises:
            ContractError: The table does not know one.
        """
        item = f"{name}/{usage}/savings-{years}-year"
        return self.rows.get(item) or self._missing("savings plan", item)

    def plan(self, name: str) -> Price:
        """Price of an hour of one instance under a training plan, which is paid in advance.

        Raises:
            ContractError: The table does not know one.
        """
        return self.rows.get(f"{name}/plan") or self._missing("training plan", f"{name}/plan")

    def _missing(self, field: str, item: str) -> Price:
        close = difflib.get_close_matches(item, self.rows, n=3, cutoff=0.6)
        near = f" (it has {', '.join(close)})" if close else ""
        reject(field, item, f"the price table of {self.region} does not hold it{near}", _REFRESH)


def write(region: str, prices: Iterable[Price], sources: Mapping[str, str], *, tables: Path = TABLES) -> Path:
    """Write a table, sorted by item; ``sources`` are texts → ids, ids that are new are added to the list of sources."""
    known = _sources(tables / "sources.csv")
    known |= {name: text for text, name in sources.items()}
    ids = {text: name for name, text in known.items()}
    tables.mkdir(parents=True, exist_ok=True)
    file = tables / f"{region}.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in sorted(prices, key=lambda price: price.item):
            # Twelve significant digits: the Price List has ten decimals, and no exponent is wanted.
            amount = f"{each.amount:.12f}".rstrip("0").rstrip(".")
            writer.writerow((each.item, amount, each.unit, each.read.isoformat(), ids[each.source]))
    with (tables / "sources.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("source", "what"))
        writer.writerows(sorted(known.items()))
    return file


def _sources(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    with file.open(newline="", encoding="utf-8") as text:
        return {row["source"]: row["what"] for row in csv.DictReader(text)}


def _read(file: Path, sources: Path) -> Mapping[str, Price]:
    names = _sources(sources)
    found: dict[str, Price] = {}
    with file.open(newline="", encoding="utf-8") as text:
        reader = csv.DictReader(text)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            reject(str(file), reader.fieldnames, f"its columns must be {', '.join(COLUMNS)}", "Restore the file.")
        for row in reader:
            price = _row(file, row, names)
            if price.item in found:
                reject(f"{file.name}: item", price.item, "it is there twice", "Keep one row.")
            found[price.item] = price
    return found


def _row(file: Path, row: Mapping[str, str], sources: Mapping[str, str]) -> Price:
    field = f"{file.name}: {row['item']}"
    try:
        amount, read = float(row["price"]), date.fromisoformat(row["read"])
    except (TypeError, ValueError):
        reject(field, f"{row['price']}, {row['read']}", "it must be a number and a day", "Write 1.408 and 2026-08-17.")
    if not math.isfinite(amount) or amount < 0:
        reject(f"{field}: price", row["price"], "a price is a number from 0 on", "Correct the row.")
    if row["source"] not in sources:
        reject(f"{field}: source", row["source"], "sources.csv does not name it", "Say there where it was read.")
    return Price(
        item=row["item"], amount=amount, unit=row["unit"], currency=CURRENCY, source=sources[row["source"]], read=read
    )
