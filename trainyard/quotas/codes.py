"""Codes of SageMaker's quotas, by name.

The table is `sagemaker.csv`: quotas of instances, of warm pools, of training plans and of HyperPod. Names and codes are
the same in all regions and accounts, values are not. Source: gruntwork-io/terraform-aws-utilities,
modules/request-quota-increase (generated from the Service Quotas API), of 2026-01-14, read 2026-11-22; 26 of the codes
were held against listings of other accounts from 2026-08 and 2026-09, and none differed.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from pathlib import Path

SERVICE = "sagemaker"
"""Code of the service."""
TRAINING = "Number of instances across all training jobs"
SPOT = "Number of instances across all spot training jobs"
PROCESSING = "Number of instances across all processing jobs"
ENDPOINTS = "Number of instances across active endpoints"
CLUSTERS = "Total number of instances allowed across SageMaker HyperPod clusters"
SPOT_CLUSTERS = "Total number of Spot instances allowed across SageMaker HyperPod clusters"
SERVERLESS = "Maximum total concurrency that can be allocated across all serverless endpoints"


@functools.cache
def codes() -> Mapping[str, str]:
    """Quota's name → code."""
    with Path(__file__).with_name("sagemaker.csv").open(newline="", encoding="utf-8") as text:
        return {row["name"]: row["code"] for row in csv.DictReader(text)}


def of_type(instance_type: str, use: str) -> str:
    """Name of the quota of a type.

    Args:
        instance_type: ``ml.g5.2xlarge``.
        use: ``training job``, ``spot training job``, ``training warm pool``, ``processing job``, ``transform job``,
            ``endpoint``, ``cluster``, ``cluster spot instance``.
    """
    return f"{instance_type} for {use} usage"


def of_plan(instance_type: str) -> str:
    """Name of the quota of a type that training plans reserve."""
    return f"Number of {instance_type} instances in reserved capacity across training plans per Region"
