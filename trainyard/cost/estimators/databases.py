"""Relational databases."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import number, text
from trainyard.cost.lines import Line
from trainyard.cost.templates import Resource


class Database(Estimator):
    """Instance hours, storage, and a second of both with a standby in another zone."""

    types = ("AWS::RDS::DBInstance",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        properties = resource.properties
        engine, size = text(properties, "Engine"), text(properties, "DBInstanceClass")
        standby = properties.get("MultiAZ") in (True, "true")
        suffix = "/multi-az" if standby else ""
        zones = " in two zones" if standby else ""
        yield around.fixed(f"{size}, {engine}{zones}", f"rds/{size}/{engine}{suffix}")
        if "DBClusterIdentifier" in properties:
            return
        kind = text(properties, "StorageType", "gp2")
        stored = number(properties, "AllocatedStorage")
        item = f"rds/{kind}{'-multi-az' if standby else ''}-gb-month"
        yield around.fixed(f"{stored:g} GB of {kind}{zones}", item, stored)
        if number(properties, "BackupRetentionPeriod", 1) > 0:
            why = "backups are free up to the size of the storage; beyond that they bill by what changes"
            yield unknown("backups beyond the storage's size", why)
