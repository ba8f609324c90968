"""Buckets of S3."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from trainyard.teardown.bills import Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, count, plain_name, size
from trainyard.teardown.looking import Look

_GONE = ("NoSuchBucket", "404")
_PAGES = 20
"""Pages of a thousand versions that are counted; of a larger bucket CloudWatch tells the size."""
_CLASSES = {
    "StandardStorage": "s3/standard-gb-month",
    "StandardIAStorage": "s3/standard-ia-gb-month",
    "OneZoneIAStorage": "s3/onezone-ia-gb-month",
    "GlacierStorage": "s3/glacier-gb-month",
    "DeepArchiveStorage": "s3/deep-archive-gb-month",
}
"""Storage types of CloudWatch's BucketSizeBytes → item of the price table ("Metrics and dimensions", Amazon S3 User
Guide, read 2026-11-22); other types are billed as standard here."""


class Bucket(Holder):
    """All versions of all objects, delete markers, and uploads that were never completed: each of them bills."""

    type = "AWS::S3::Bucket"
    noun = "bucket"

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:s3:::{identity}"

    def identity(self, arn: str) -> str | None:
        found = plain_name("s3", arn)
        return found if found and "/" not in found else None

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("s3")
        if look.unless(_GONE, lambda: client.head_bucket(Bucket=identity)) is None:
            return None
        pages = list(islice(_versions(client, identity), _PAGES + 1))
        entries = [each for page in pages[:_PAGES] for each in page.get("Versions", ())]
        markers = sum(len(page.get("DeleteMarkers", ())) for page in pages[:_PAGES])
        uploads = list(_uploads(client, identity))
        more = len(pages) > _PAGES
        stored = sum(each["Size"] for each in entries)
        bill = tariff.stored(_CLASSES["StandardStorage"], stored, at_least=more)
        if more and (known := _measured(look, identity)):
            stored = sum(known.values())
            bills = [
                tariff.stored(_CLASSES.get(name, _CLASSES["StandardStorage"]), held) for name, held in known.items()
            ]
            bill = sum(bills[1:], bills[0])
        says = f"{count(len(entries), 'version', more=more)} of objects, {size(stored)}"
        if uploads:
            says += f", {count(len(uploads), 'incomplete upload')}"
        return Contents(
            says=says if entries or uploads else "empty",
            data=bool(entries or uploads or markers),
            bill=bill,
            key=_key(client, identity),
        )

    def empty(self, look: Look, identity: str, say: Say) -> None:
        client, gone = look.client("s3"), 0
        for upload in list(_uploads(client, identity)):
            client.abort_multipart_upload(Bucket=identity, Key=upload["Key"], UploadId=upload["UploadId"])
        # Each time from the start: a listing that goes on from a version that is gone may skip others.
        nothing: dict[str, Any] = {}
        while page := next(_versions(client, identity), nothing):
            found = [{"Key": each["Key"], "VersionId": each["VersionId"]}
                     for name in ("Versions", "DeleteMarkers") for each in page.get(name, ())]  # fmt: skip
            if not found:
                return
            answer = client.delete_objects(Bucket=identity, Delete={"Objects": found, "Quiet": True})
            for error in answer.get("Errors", ()):
                raise RefusedError(
                    f"{identity}: {error['Key']} cannot be deleted: {error.get('Message') or error['Code']}"
                )
            gone += len(found)
            say(f"{identity}: {gone:,} versions deleted")

    def delete(self, look: Look, identity: str, say: Say) -> None:
        look.unless(_GONE, lambda: look.client("s3").delete_bucket(Bucket=identity))


class RefusedError(RuntimeError):
    """A version that S3 keeps: of a bucket with object lock, for example."""


def _versions(client: Any, bucket: str) -> Iterator[Any]:
    return iter(client.get_paginator("list_object_versions").paginate(Bucket=bucket))


def _uploads(client: Any, bucket: str) -> Iterator[Any]:
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        yield from page.get("Uploads", ())


def _key(client: Any, bucket: str) -> str | None:
    rules = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    found = rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") if rules else None
    return str(found) if found else None


def _measured(look: Look, bucket: str) -> dict[str, float]:
    """Storage type → bytes, as S3 told CloudWatch on one of the last days."""
    import datetime

    client, end = look.client("cloudwatch"), datetime.datetime.now(datetime.UTC)
    found = {}
    for metric in look.all("cloudwatch", "list_metrics", "Metrics", Namespace="AWS/S3", MetricName="BucketSizeBytes",
                           Dimensions=[{"Name": "BucketName", "Value": bucket}]):  # fmt: skip
        points = client.get_metric_statistics(
            Namespace="AWS/S3", MetricName="BucketSizeBytes", Dimensions=metric["Dimensions"], Period=86400,
            StartTime=end - datetime.timedelta(days=3), EndTime=end, Statistics=["Average"],
        )["Datapoints"]  # fmt: skip
        if points:
            kind = next(each["Value"] for each in metric["Dimensions"] if each["Name"] == "StorageType")
            found[kind] = max(points, key=lambda point: point["Timestamp"])["Average"]
    return found
