"""Objects, images, volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.cost.estimators.base import Around, Estimator, Simple, unknown
from trainyard.cost.estimators.properties import number, text
from trainyard.cost.lines import Line
from trainyard.cost.templates import Resource

_CLASSES = {
    "INTELLIGENT_TIERING": "intelligent-tiering",
    "STANDARD_IA": "standard-ia",
    "ONEZONE_IA": "onezone-ia",
    "GLACIER": "glacier",
    "GLACIER_IR": "glacier-ir",
    "DEEP_ARCHIVE": "deep-archive",
}
"""CloudFormation's names of storage classes → items."""


_REQUEST_METRICS = 16
"""Of one filter, each billed as a custom metric. Source: "Amazon S3 CloudWatch request metrics" (its table), Amazon S3
User Guide, read 2026-11-22."""


class Bucket(Estimator):
    """What is stored, by the class where it ends up, and requests.

    Objects that a lifecycle moves are counted in the class that they reach last: how old they are, no template tells.
    """

    types = ("AWS::S3::Bucket",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        stored = around.assumptions["s3_gb"]
        storage_class = _last_class(resource.properties)
        item = f"s3/{storage_class}-gb-month"
        moved = "" if storage_class == "standard" else ", where its lifecycle moves objects"
        yield around.use(f"storage, {storage_class}{moved}", item, stored, "s3_gb")
        for name, item in (("writes", "s3/standard-1000-writes"), ("reads", "s3/standard-1000-reads")):
            assumed = f"s3_{name}_per_month"
            yield around.use(name, item, around.assumptions[assumed] / 1000, assumed)
        filters = len(resource.properties.get("MetricsConfigurations") or [])
        if filters:
            yield around.fixed("request metrics", "cloudwatch/metric-month", filters * _REQUEST_METRICS)


def _last_class(properties: Mapping[str, Any]) -> str:
    """The class of the latest transition of a rule for current objects of the whole bucket."""
    rules = (properties.get("LifecycleConfiguration") or {}).get("Rules") or []
    latest: tuple[float, str] = (-1, "standard")
    for rule in rules:
        whole = not rule.get("Prefix") and not rule.get("TagFilters")
        if rule.get("Status") != "Enabled" or not whole:
            continue
        for move in rule.get("Transitions") or [each for each in [rule.get("Transition")] if each]:
            after = float(move.get("TransitionInDays", 0))
            latest = max(latest, (after, _CLASSES.get(move.get("StorageClass"), "standard")))
    return latest[1]


class Repository(Simple):
    """Images that it keeps."""

    types = ("AWS::ECR::Repository",)
    used = (("images", "ecr/stored-gb-month", "ecr_gb", 1),)


class Volume(Estimator):
    """A volume of EBS, by its size; provisioned operations and throughput above what is included are not known."""

    types = ("AWS::EC2::Volume",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        kind = text(resource.properties, "VolumeType", "gp2")
        size = number(resource.properties, "Size")
        yield around.fixed(f"{size:g} GB of {kind}", f"ebs/{kind}-gb-month", size)
        extra = [name for name, base in (("Iops", 3000), ("Throughput", 125))
                 if number(resource.properties, name, base) > base]  # fmt: skip
        if extra:
            yield unknown(f"{' and '.join(extra)} above what {kind} includes", "no price of it here")
