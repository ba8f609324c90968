"""Request metrics of S3: configurations of buckets, and what CloudWatch then says of their requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud


@pytest.fixture
def s3(client: Callable) -> Any:
    return client("s3")


def configure(s3: Any, bucket: str, name: str, **chosen: Any) -> None:
    s3.put_bucket_metrics_configuration(
        Bucket=bucket, Id=name, MetricsConfiguration={"Id": name, **({"Filter": chosen} if chosen else {})}
    )


def statistics(client: Callable, bucket: str, name: str, metric: str, samples: int) -> dict[str, float]:
    """Sum and SampleCount once there are so many samples, or what there is after a minute. They come in batches."""
    now = datetime.now(UTC)
    found: dict[str, float] = {}
    deadline = time.monotonic() + 60
    while found.get("SampleCount", 0) < samples and time.monotonic() < deadline:
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/S3", MetricName=metric, Period=3600, Statistics=["Sum", "SampleCount"],
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": name}],
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
        )["Datapoints"]  # fmt: skip
        found = {name: sum(point[name] for point in points) for name in ("Sum", "SampleCount")}
        time.sleep(0.1)
    return found


def test_configurations_are_kept_listed_and_removed(s3: Any, bucket: str) -> None:
    configure(s3, bucket, "all")
    configure(s3, bucket, "some", Prefix="a&b/")
    listed = s3.list_bucket_metrics_configurations(Bucket=bucket)["MetricsConfigurationList"]
    assert listed == [{"Id": "all"}, {"Id": "some", "Filter": {"Prefix": "a&b/"}}]
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="all")
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        s3.get_bucket_metrics_configuration(Bucket=bucket, Id="all")
    assert s3.get_bucket_metrics_configuration(Bucket=bucket, Id="some")["MetricsConfiguration"]["Id"] == "some"


def test_a_filter_that_nothing_here_applies_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="by Prefix, and not by Tag"):
        configure(s3, bucket, "tagged", Tag={"Key": "a", "Value": "b"})


def test_a_bucket_of_the_same_name_begins_without_them(s3: Any, bucket: str) -> None:
    configure(s3, bucket, "all")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "MetricsConfigurationList" not in s3.list_bucket_metrics_configurations(Bucket=bucket)


@pytest.mark.slow
def test_every_request_is_a_sample_and_a_refused_one_an_error(
    s3: Any, bucket: str, cloud: Cloud, client: Callable
) -> None:
    configure(s3, bucket, "some", Prefix="wanted/")
    configure(s3, bucket, "all")
    cloud.call("InjectFault", Kind="S3Error", Bucket=bucket, Key="wanted/1", ErrorCode="SlowDown", StatusCode=503)
    with pytest.raises(ClientError, match="SlowDown"):
        s3.put_object(Bucket=bucket, Key="wanted/1", Body=b"")
    s3.put_object(Bucket=bucket, Key="wanted/1", Body=b"")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    assert statistics(client, bucket, "all", "5xxErrors", 3) == {"Sum": 1, "SampleCount": 3}
    assert statistics(client, bucket, "some", "5xxErrors", 2) == {"Sum": 1, "SampleCount": 2}
    assert statistics(client, bucket, "all", "PutRequests", 3) == {"Sum": 3, "SampleCount": 3}
    assert statistics(client, bucket, "some", "4xxErrors", 2) == {"Sum": 0, "SampleCount": 2}
