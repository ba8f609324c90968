"""Which IPv4 ranges a VPC takes beside its first one.

Source: "VPC CIDR blocks" and "Amazon VPC quotas", Amazon VPC User Guide, read 2026-11-22. Rules of peering connections
and of Direct Connect gateways are not applied: the cloud has no other side that they could concern.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network

MOST_RANGES = 5
"""IPv4 ranges of a VPC, its first included: the default of a quota that can be raised."""
LONGEST, SHORTEST = 28, 16
"""Prefixes of the smallest and the largest range."""
_TEN, _TWELVE, _SIXTEEN, _TESTS = map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16"))
_RESTRICTED = (
    (_TEN, (_TWELVE, _SIXTEEN, _TESTS)),
    (_TWELVE, (_TEN, _SIXTEEN, IPv4Network("172.31.0.0/16"), _TESTS)),
    (_SIXTEEN, (_TEN, _TWELVE, _TESTS)),
    (_TESTS, (_TEN, _TWELVE, _SIXTEEN)),
    (IPv4Network("0.0.0.0/0"), (_TEN, _TWELVE, _SIXTEEN, _TESTS)),
)
"""By the range that a VPC's first one is in, the first row that fits: what cannot be added."""
_LOW, _LOWEST = IPv4Network("10.0.0.0/15"), IPv4Network("10.0.0.0/16")
"""A VPC with a range in the first takes none in the second."""


def size_fits(block: IPv4Network) -> bool:
    """Whether a VPC or a subnet may have this size."""
    return SHORTEST <= block.prefixlen <= LONGEST


def refusal(ranges: Sequence[IPv4Network], routes: Sequence[IPv4Network], block: IPv4Network) -> tuple[str, str] | None:
    """Why a VPC does not take another range.

    Args:
        ranges: what it has, its first one first.
        routes: destinations in its route tables that lead out of it.
        block: the range that is asked for.

    Returns:
        EC2's error code and the reason; None where it takes it. AWS documents the rules, not the codes: these are those
        that users report, where there are any.
    """
    if not size_fits(block):
        return "InvalidVpc.Range", f"The CIDR '{block}' is invalid: a VPC's range is between /16 and /28"
    if other := next((one for one in ranges if one.overlaps(block)), None):
        return "InvalidVpc.Range", f"The CIDR '{block}' overlaps {other}, which the VPC has"
    restricted = next(rows for home, rows in _RESTRICTED if ranges[0].subnet_of(home))
    low = (_LOWEST,) if any(one.subnet_of(_LOW) for one in ranges) else ()
    if found := next((one for one in (*restricted, *low) if one.overlaps(block)), None):
        return "InvalidVpc.Range", (
            f"The CIDR '{block}' is restricted: to a VPC of {ranges[0]} nothing of {found} can be added. Use a CIDR "
            "from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR."
        )
    if route := next((one for one in routes if one.subnet_of(block)), None):
        return "InvalidVpc.Range", f"The CIDR '{block}' is the same or larger than the VPC's route to {route}"
    if len(ranges) >= MOST_RANGES:
        return "CidrLimitExceeded", f"This network has met its maximum number of allowed CIDRs: {MOST_RANGES}"
    return None
