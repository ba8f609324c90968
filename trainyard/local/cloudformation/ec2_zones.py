"""All availability zones of the region: the emulator's EC2 knows three."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2

from trainyard.local.cloudformation.ec2_wire import Parameters, texts

_LETTERS = {"us-east-1": "abcdef"}
"""Zones of a region with more than three ("AWS Availability Zones", AWS documentation, read 2026-11-22). Which id a
name has may differ between accounts; here they go in order."""


def _describe(parameters: Parameters) -> dict[str, Any]:
    region, names, ids = get_region(), texts(parameters, "ZoneName"), texts(parameters, "ZoneId")
    rows = []
    for letter in _LETTERS.get(region, "abc"):
        name = f"{region}{letter}"
        row = {
            "GroupName": f"{region}-zg-1",
            "NetworkBorderGroup": region,
            "OptInStatus": "opt-in-not-required",
            "RegionName": region,
            "State": "available",
            "ZoneId": ec2._az_id_for_zone_name(name),
            "ZoneName": name,
            "ZoneType": "availability-zone",
        }
        if (not names or name in names) and (not ids or row["ZoneId"] in ids):
            rows.append(row)
    return {"AvailabilityZones": rows}


ACTIONS: Mapping[str, Callable[[Parameters], dict[str, Any]]] = {"DescribeAvailabilityZones": _describe}
