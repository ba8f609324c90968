"""GetMetricData as CloudWatch answers it: by exact dimensions, newest first, with searches and arithmetic.

The emulator evaluates no expression, and without dimensions it takes every metric of a name for one. Sources, read
2026-11-22: GetMetricData, CloudWatch API Reference; "CloudWatch search expression syntax" and "Using math expressions
with CloudWatch metrics", CloudWatch User Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import cloudwatch

from trainyard.local.hooks.metric_data.refused import Refused
from trainyard.local.hooks.metric_data.request import MetricDataRequest


def install() -> None:
    """Puts it in the emulator's place."""
    emulated = cloudwatch._get_metric_data

    def answer(params: Any, data: Mapping[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        if not (is_cbor or is_json):
            # The old protocol, which no SDK of today speaks.
            return emulated(params, data, is_cbor, is_json)
        try:
            results = MetricDataRequest(data).results()
        except Refused as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        if is_json:
            return cloudwatch._json_ok({"MetricDataResults": results})
        return cloudwatch._cbor_ok({"MetricDataResults": [cloudwatch._cbor_metric_data_result(r) for r in results]})

    cloudwatch._get_metric_data = answer
