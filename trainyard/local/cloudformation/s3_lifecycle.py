"""Lifecycle rules: CloudFormation and S3 write the same thing with different words."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.cloudformation.aws import CallError

_ALL: dict[str, Any] = {}
_TRANSITION = {"StorageClass": _ALL, "TransitionInDays": _ALL}

APPLIED: dict[str, Any] = {
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ALL},
    "ExpirationInDays": _ALL,
    "ExpiredObjectDeleteMarker": _ALL,
    "Id": _ALL,
    "NoncurrentVersionExpiration": {"NewerNoncurrentVersions": _ALL, "NoncurrentDays": _ALL},
    "NoncurrentVersionTransitions": {**_TRANSITION, "NewerNoncurrentVersions": _ALL},
    "ObjectSizeGreaterThan": _ALL,
    "ObjectSizeLessThan": _ALL,
    "Prefix": _ALL,
    "Status": _ALL,
    "TagFilters": {"Key": _ALL, "Value": _ALL},
    "Transitions": _TRANSITION,
}
"""Properties of AWS::S3::Bucket.LifecycleConfiguration.Rules that are applied."""


def rule(index: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """A template's rule as PutBucketLifecycleConfiguration takes it; `index` names a rule without an id."""
    made: dict[str, Any] = {"ID": given.get("Id", f"rule-{index}"), "Status": given["Status"], "Filter": _filter(given)}
    for name in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if name in given:
            made[name] = given[name]
    if "ExpirationInDays" in given:
        made["Expiration"] = {"Days": given["ExpirationInDays"]}
    elif "ExpiredObjectDeleteMarker" in given:
        made["Expiration"] = {"ExpiredObjectDeleteMarker": given["ExpiredObjectDeleteMarker"]}
    if "Transitions" in given:
        made["Transitions"] = [
            {"StorageClass": row["StorageClass"], "Days": row["TransitionInDays"]} for row in given["Transitions"]
        ]
    if "NoncurrentVersionTransitions" in given:
        made["NoncurrentVersionTransitions"] = [
            {
                "StorageClass": row["StorageClass"],
                "NoncurrentDays": row["TransitionInDays"],
                **({k: row[k] for k in ("NewerNoncurrentVersions",) if k in row}),
            }
            for row in given["NoncurrentVersionTransitions"]
        ]
    return made


def _filter(given: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: given[name] for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in given}
    tags = list(given.get("TagFilters") or [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return parts or {"Prefix": ""}


_ACTIONS = {
    "AbortIncompleteMultipartUpload",
    "Expiration",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "Transitions",
}


def check(rules: Sequence[Mapping[str, Any]]) -> None:
    """S3's rules about rules that the emulator leaves out.

    Raises:
        CallError: A rule without action, two of one id, or days below one.
    """
    names = [row["ID"] for row in rules]
    if len(set(names)) != len(names):
        raise CallError(f"LifecycleConfiguration: rule ids are unique, got {names}", "InvalidArgument")
    for row in rules:
        if not _ACTIONS & set(row):
            raise CallError(f"LifecycleConfiguration: rule {row['ID']!r} has no action", "InvalidRequest")
        days = (
            row.get("Expiration", {}).get("Days"),
            row.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        )
        if any(day is not None and int(day) < 1 for day in days):
            raise CallError(f"LifecycleConfiguration: rule {row['ID']!r}: days are 1 or more", "InvalidArgument")
