"""The table of purposes in the documentation is that of the code."""

import re

from synthesis import ROOT

from constructs_lib import network

PAGE = ROOT / "docs" / "hyperpod" / "network.md"


def test_every_purpose_stands_with_its_endpoints_buckets_and_addresses() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*)\| ([^|]*)\| ([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    documented = {
        name: (listed(endpoints), listed(buckets.replace(" (written)", "")), int((re.findall(r"\d+", more) or [0])[0]))
        for name, endpoints, buckets, more in rows
    }
    found = {name: purpose for name, purpose in vars(network).items() if isinstance(purpose, network.Purpose)}
    assert documented == {
        name: ([one.service for one in each.endpoints], [*each.buckets, *each.written], each.addresses)
        for name, each in found.items()
    }


def listed(cell: str) -> list[str]:
    return [each for each in cell.strip().split(", ") if each]
