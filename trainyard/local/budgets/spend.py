"""What ran on this cloud, and what it would have cost.

Sources, read 2026-11-22: DescribeTrainingJob, SageMaker API reference (BillableTimeInSeconds times InstanceCount is
what a job is billed for; SageMaker publishes no price of spot); the table of prices below trainyard/cost/tables.
Instances of jobs, endpoints and clusters are metered. Storage, requests and serverless endpoints are not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trainyard.cost.prices import Prices
from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Document

_HOSTED = "InstanceSeconds"
"""A document a day: seconds of instances that no job's document counts."""
_LONGEST_STEP_SECONDS = 120.0
"""Instances are metered between two looks; a longer gap is one in which the cloud was down."""
_HOUR = 3600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What one resource cost."""

    arn: str
    """Of the resource."""
    tags: Mapping[str, str]
    """Of the resource, as it was when it ran."""
    item: str
    """Item of the price table: ``ml.m5.large/training``."""
    time: float
    """When it was charged, in seconds since 1970."""
    seconds: float
    """Instance seconds."""
    usd: float
    """Amount."""


class Spend:
    """Meters instances, and adds up."""

    def __init__(self, context: Context, sagemaker: Service, prices: Prices) -> None:
        """Takes what is metered and what it costs."""
        self._context, self._store = context, context.store
        self._sagemaker, self._prices = sagemaker, prices
        self._looked: float | None = None
        self._unknown: set[str] = set()
        self._lock = threading.Lock()

    def look(self, now: float) -> None:
        """Meters what runs without a job: call it at short intervals.

        Args:
            now: seconds since 1970.
        """
        with self._lock:
            since, self._looked = self._looked, now
            if since is None or not 0 < now - since <= _LONGEST_STEP_SECONDS:
                return
            rows = [row for row in (*self._endpoints(), *self._clusters()) if row[3] > 0]
            if not rows:
                return
            day = datetime.fromtimestamp(now, UTC).date().isoformat()
            kept: Document = self._store.get(_HOSTED, day) or {"Rows": {}}
            for arn, tags, item, count in rows:
                row = kept["Rows"].setdefault(f"{arn} {item}", {"Arn": arn, "Item": item, "Seconds": 0.0})
                row |= {"Tags": tags, "Time": now, "Seconds": row["Seconds"] + count * (now - since)}
            self._store.delete(_HOSTED, day)
            self._store.insert(_HOSTED, day, kept)

    def charges(self, now: float) -> list[Charge]:
        """Everything that was charged until ``now``, in seconds since 1970; what has no price is not among it."""
        found = [*self._training(now), *self._processing(now)]
        for kept in self._store.list(_HOSTED):
            found += [
                (row["Arn"], row["Tags"], row["Item"], row["Time"], row["Seconds"]) for row in kept["Rows"].values()
            ]
        return [charge for row in found if (charge := self._charge(*row)) is not None]

    def _charge(self, arn: str, tags: Mapping[str, str], item: str, moment: float, seconds: float) -> Charge | None:
        price = self._prices.find(item)
        if price is None:
            if item not in self._unknown:
                self._unknown.add(item)
                _log.warning("no price of %s in %s: what it costs is in no budget", item, self._prices.region)
            return None
        usd = seconds / _HOUR * price.hourly
        return Charge(arn=arn, tags=tags, item=item, time=moment, seconds=seconds, usd=usd)

    def _training(self, now: float) -> Iterable[tuple[str, Mapping[str, str], str, float, float]]:
        for job in self._store.list("TrainingJob"):
            seconds = _billable(job, now)
            seconds += job.get("WarmPoolStatus", {}).get("ResourceRetainedBillableTimeInSeconds", 0)
            moment = job.get("TrainingEndTime", now)
            for group in _groups(job["ResourceConfig"]):
                yield (job["TrainingJobArn"], _tags(job), f"{group['InstanceType']}/training", moment,
                       seconds * group["InstanceCount"])  # fmt: skip

    def _processing(self, now: float) -> Iterable[tuple[str, Mapping[str, str], str, float, float]]:
        for job in self._store.list("ProcessingJob"):
            if "ProcessingStartTime" not in job:
                continue
            cluster = job["ProcessingResources"]["ClusterConfig"]
            ended = job.get("ProcessingEndTime", now)
            yield (job["ProcessingJobArn"], _tags(job), f"{cluster['InstanceType']}/processing", ended,
                   (ended - job["ProcessingStartTime"]) * cluster["InstanceCount"])  # fmt: skip

    def _endpoints(self) -> Iterable[tuple[str, Mapping[str, str], str, int]]:
        for row in self._all("ListEndpoints", "Endpoints"):
            try:
                found = self._call("DescribeEndpoint", EndpointName=row["EndpointName"])
                config = self._call("DescribeEndpointConfig", EndpointConfigName=found["EndpointConfigName"])
            except ServiceError:
                continue  # deleted between the two calls
            types = {
                variant["VariantName"]: variant.get("InstanceType")
                for variant in (*config.get("ProductionVariants", []), *config.get("ShadowProductionVariants", []))
            }
            usage = "async" if found.get("AsyncInferenceConfig") else "hosting"
            for variant in (*found.get("ProductionVariants", []), *found.get("ShadowProductionVariants", [])):
                kind = types.get(variant["VariantName"])
                if kind is not None:
                    count = variant.get("CurrentInstanceCount", 0)
                    yield row["EndpointArn"], self._tags_of(row["EndpointArn"]), f"{kind}/{usage}", count

    def _clusters(self) -> Iterable[tuple[str, Mapping[str, str], str, int]]:
        for row in self._all("ListClusters", "ClusterSummaries"):
            try:
                found = self._call("DescribeCluster", ClusterName=row["ClusterName"])
            except ServiceError:
                continue
            for group in found.get("InstanceGroups", []):
                item = f"{group['InstanceType']}/cluster"
                yield row["ClusterArn"], self._tags_of(row["ClusterArn"]), item, group.get("CurrentCount", 0)

    def _tags_of(self, arn: str) -> dict[str, str]:
        return {row["Key"]: row["Value"] for row in self._call("ListTags", ResourceArn=arn)["Tags"]}

    def _all(self, operation: str, field: str) -> list[dict[str, Any]]:
        rows, request = [], {"MaxResults": 100}
        while True:
            answer = self._call(operation, **request)
            rows += answer[field]
            if "NextToken" not in answer:
                return rows
            request["NextToken"] = answer["NextToken"]

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        account = self._context.account
        caller = Caller(account=account, region=self._context.region, arn=f"arn:aws:iam::{account}:root")
        return self._sagemaker.call(operation, request, caller)


def _billable(job: Mapping[str, Any], now: float) -> float:
    """Seconds that each instance of a training job is billed for until now."""
    if "BillableTimeInSeconds" in job:
        return float(job["BillableTimeInSeconds"])
    running = job["SecondaryStatusTransitions"][-1]
    under_way = now - running["StartTime"] if running["Status"] in ("Downloading", "Training", "Uploading") else 0.0
    return float(job["_RunSeconds"]) + under_way


def _groups(resources: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(resources.get("InstanceGroups") or [resources])


def _tags(document: Mapping[str, Any]) -> dict[str, str]:
    return {row["Key"]: row["Value"] for row in document.get("Tags", [])}


def month_of(moment: float) -> str:
    """``2026-11``, for messages."""
    return time.strftime("%Y-%m", time.gmtime(moment))
