"""Guardrails as statements of IAM: what is denied, by condition keys that SageMaker's requests carry.

Sources, read 2026-11-22: "Actions, resources, and condition keys for Amazon SageMaker AI", Service Authorization
Reference (see reference.json); "IAM JSON policy elements: Condition operators" and "Multivalued context keys", IAM User
Guide: a negated operator holds where the key is absent, ``ForAnyValue`` and every other operator do not; "Control
creation of ML resources with VPC", SageMaker Developer Guide.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_lib.guardrails.reference import carrying, everything
from constructs_lib.guardrails.settings import Guardrails

Statement = dict[str, Any]

JOBS = (
    "CreateAutoMLJob", "CreateAutoMLJobV2", "CreateDataQualityJobDefinition", "CreateHyperParameterTuningJob",
    "CreateModelBiasJobDefinition", "CreateModelExplainabilityJobDefinition", "CreateModelQualityJobDefinition",
    "CreateProcessingJob", "CreateTrainingJob", "CreateTransformJob",
)  # fmt: skip
"""What starts, or describes, work that reads data. A schedule names a definition, and an endpoint's model may be
serverless, which takes no network: so neither must name one."""
_PATTERNS = ("CreateAutoMLJob*", "Create*JobDefinition")
# An operator that does not hold without its key: so all actions may be named, those of next year too.
_ALL = ["sagemaker:Create*", "sagemaker:Update*"]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where jobs of the environment run and what encrypts them."""

    subnets: Sequence[str]
    """Ids."""
    groups: Sequence[str]
    """Ids of security groups."""
    key: str
    """ARN."""


def denials(
    guardrails: Guardrails,
    *,
    region: str,
    account: str,
    places: Places | None,
    everywhere: Sequence[str] = ("iam", "sts"),
) -> list[Statement]:
    """What is denied to whomever the statements bind.

    Args:
        guardrails: The limits.
        region: The only region.
        account: Whose buckets are used.
        places: The only network and key; ``None``: any of the account's, but jobs must still name one.
        everywhere: Prefixes of services that answer in one region for all.
    """
    return [
        _deny("OtherRegions", {"NotAction": [f"{name}:*" for name in everywhere]},
              StringNotEquals={"aws:RequestedRegion": region}),
        _deny("OtherInstances", _ALL, **{"ForAnyValue:StringNotLike": {
            "sagemaker:InstanceTypes": [f"{family}.*" for family in guardrails.instance_families]}}),
        # Hosts beside SageMaker's would be outside of everything that is said here.
        _deny("OtherHosts", ["ec2:CreateFleet", "ec2:RequestSpot*", "ec2:RunInstances"]),
        _deny("LongRuns", _ALL, NumericGreaterThan={"sagemaker:MaxRuntimeInSeconds": guardrails.max_run_seconds}),
        _without("sagemaker:MaxRuntimeInSeconds", "EndlessRuns"),
        *_network(places),
        *_encryption(guardrails, region, account, places),
        _deny("ForeignBuckets", ["s3:*"],
              StringNotEquals={"aws:ResourceAccount": [account, *guardrails.trusted_accounts]}),
        *_notebooks(),
    ]  # fmt: skip


def _network(places: Places | None) -> Iterator[Statement]:
    yield _without("sagemaker:VpcSubnets", "NoNetwork")
    if places is not None:
        yield _deny("OtherNetworks", _ALL, **{"ForAnyValue:StringNotEquals": {
            "sagemaker:VpcSubnets": list(places.subnets)}})  # fmt: skip
        yield _deny("OtherGroups", _ALL, **{"ForAnyValue:StringNotEquals": {
            "sagemaker:VpcSecurityGroupIds": list(places.groups)}})  # fmt: skip


def _encryption(guardrails: Guardrails, region: str, account: str, places: Places | None) -> Iterator[Statement]:
    yield _without("sagemaker:OutputKmsKey", "PlainOutput")
    keyed = guardrails.keyed_families
    if keyed:
        statement = _without("sagemaker:VolumeKmsKey", "PlainVolumes")
        # Without the types there would be no telling whether the disks take a key.
        known = set(carrying("sagemaker:VolumeKmsKey", *JOBS)).intersection(carrying("sagemaker:InstanceTypes", *JOBS))
        statement["Action"] = _short(sorted(known))
        statement["Condition"]["ForAnyValue:StringLike"] = {
            "sagemaker:InstanceTypes": [f"{family}.*" for family in keyed]
        }
        yield statement
    for name, key in (("OtherOutputKeys", "sagemaker:OutputKmsKey"), ("OtherVolumeKeys", "sagemaker:VolumeKmsKey")):
        allowed = places.key if places else f"arn:*:kms:{region}:{account}:key/*"
        # Without its key a negated operator holds, and another statement speaks of those that name none.
        yield _deny(name, _ALL, ArnNotLike={key: allowed}, Null={key: "false"})
    if guardrails.encrypt_traffic:
        yield _required("sagemaker:InterContainerTrafficEncryption", "PlainTraffic")
    if guardrails.network_isolation:
        yield _required("sagemaker:NetworkIsolation", "OpenContainers")


def _notebooks() -> Iterator[Statement]:
    for sid, action, key, only in (
        ("OpenNotebooks", "CreateNotebookInstance", "sagemaker:DirectInternetAccess", "Disabled"),
        ("RootNotebooks", "CreateNotebookInstance", "sagemaker:RootAccess", "Disabled"),
        ("OpenStudios", "CreateDomain", "sagemaker:AppNetworkAccessType", "VpcOnly"),
    ):
        yield _deny(sid, carrying(key, action), StringNotEquals={key: only})


def _without(key: str, sid: str) -> Statement:
    """Denies jobs that could carry a key and do not."""
    return _deny(sid, _short(carrying(key, *JOBS)), Null={key: "true"})


def _required(key: str, sid: str) -> Statement:
    """Denies jobs where a switch is off, or is not named and so off."""
    return _deny(sid, _short(carrying(key, *JOBS)), BoolIfExists={key: "false"})


def _short(actions: list[str]) -> list[str]:
    """The same with patterns for what may stand for several, and for nothing else: policies are short."""
    for pattern in _PATTERNS:
        meant = [f"sagemaker:{name}" for name in everything("sagemaker") if fnmatch.fnmatchcase(name, pattern)]
        if set(meant) <= set(actions):
            actions = sorted({*actions, f"sagemaker:{pattern}"} - set(meant))
    return actions


def _deny(sid: str, actions: list[str] | dict[str, list[str]], **condition: Any) -> Statement:
    named = actions if isinstance(actions, dict) else {"Action": list(actions)}
    return {"Sid": sid, "Effect": "Deny", **named, "Resource": "*", **({"Condition": condition} if condition else {})}
