"""Which product of the Price List is which item of a price table.

By its usage type in `tables/offers.csv` (``of`` is how many of the offer's units make one of the item's; ``begin`` the
tier that is meant, the first that costs something without it), or by its attributes for families of instances.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping

from trainyard.cost.prices import TABLES

_USAGES = {
    "Train": "training",
    "Processing": "processing",
    "Host": "hosting",
    "AsyncInf": "async",
    "Tsform": "transform",
    "Cluster": "cluster",
    "Notebk": "notebook",
    "TrainingPlanUpfrontFee": "plan",
}
"""What stands before the instance in a usage type, ``USE1-Train:ml.g5.xlarge`` → usage of the table.

Neither Studio's hours nor hours that a plan has paid (``ReservedCluster``) are among them.
"""
PREFIX = re.compile(r"^(?:[A-Z]{2,5}\d?-|[a-z]{2}(?:-[a-z]+)+-\d-)")
"""What a usage type outside us-east-1 begins with, sometimes there too: ``USE1-``, ``EUC1-``, ``us-east-1-``."""
_PLAIN = re.compile(r"BoxUsage(?::.*)?")
"""Hours on demand, neither of a capacity reservation nor of a dedicated host."""


def groups() -> dict[tuple[str, str], list[dict[str, str]]]:
    """Service and product family, as AWS is asked → the rows of `tables/offers.csv` that are looked for in the answer.

    A family without rows is read by its instances.
    """
    found: dict[tuple[str, str], list[dict[str, str]]] = {key: [] for key in READERS}
    with (TABLES / "offers.csv").open(newline="", encoding="utf-8") as text:
        for row in csv.DictReader(text):
            found.setdefault((row["service"], row["family"]), []).append(row)
    return found


def instance(attributes: Mapping[str, str]) -> str | None:
    """``ml.g5.xlarge/training``."""
    usage, _, name = PREFIX.sub("", str(attributes.get("usagetype", ""))).partition(":")
    return f"{name}/{_USAGES[usage]}" if usage in _USAGES and name.startswith("ml.") else None


def _machine(attributes: Mapping[str, str]) -> str | None:
    """``g5.xlarge/ec2``."""
    name = attributes.get("instanceType")
    return f"{name}/ec2" if name and _PLAIN.fullmatch(PREFIX.sub("", str(attributes.get("usagetype")))) else None


def _lustre(attributes: Mapping[str, str]) -> str | None:
    """By the attributes that name file system, storage and throughput."""
    if attributes.get("fileSystemType") != "Lustre":
        return None
    if "Backup" in str(attributes.get("usagetype")):
        return "fsx/lustre-backup-gb-month"
    if attributes.get("storageType") != "SSD":
        return None
    throughput = re.match(r"\d+", str(attributes.get("throughputCapacity", "")))
    if throughput is None:
        return "fsx/lustre-scratch-gb-month"
    # 50, 100 and 200 are tiers of the first generation, 125 to 1000 of the second.
    generation = 1 if throughput[0] in ("50", "100", "200") else 2
    return f"fsx/lustre-persistent_{generation}-ssd-{throughput[0]}-gb-month"


def _database(attributes: Mapping[str, str]) -> str | None:
    engine, size = str(attributes.get("databaseEngine", "")).lower(), attributes.get("instanceType")
    if engine not in ("mariadb", "mysql", "postgresql") or not str(size).startswith("db."):
        return None
    zones = {"Single-AZ": "", "Multi-AZ": "/multi-az"}.get(str(attributes.get("deploymentOption")))
    return None if zones is None else f"rds/{size}/{'postgres' if engine == 'postgresql' else engine}{zones}"


READERS: dict[tuple[str, str], Callable[[Mapping[str, str]], str | None]] = {
    ("AmazonSageMaker", ""): instance,
    ("AmazonFSx", ""): _lustre,
    ("AmazonEC2", "Compute Instance"): _machine,
    ("AmazonRDS", "Database Instance"): _database,
}
"""Service and product family → what reads an item from a product's attributes."""


NARROWED = {
    ("AmazonEC2", "Compute Instance"): {
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
    }
}
"""What else AWS is asked for: each of EC2's types is some hundred products."""
