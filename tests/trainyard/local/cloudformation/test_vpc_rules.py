"""Which ranges a VPC takes, by AWS's table."""

from __future__ import annotations

from ipaddress import IPv4Network as Net

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.cloudformation.vpc_rules import MOST_RANGES, refusal


def refused(first: str, block: str, *others: str, routes: tuple[str, ...] = ()) -> str:
    found = refusal([Net(one) for one in (first, *others)], [Net(one) for one in routes], Net(block))
    return f"{found[0]}: {found[1]}" if found else ""


@pytest.mark.parametrize(
    ("first", "block"),
    [
        ("10.20.0.0/22", "10.0.0.0/16"),
        ("10.1.0.0/16", "10.2.0.0/16"),
        ("10.0.0.0/16", "10.1.0.0/16"),
        ("172.16.0.0/16", "172.30.0.0/16"),
        ("192.168.0.0/20", "192.168.16.0/20"),
        ("198.19.0.0/20", "198.19.16.0/20"),
        ("10.0.0.0/16", "100.64.0.0/16"),
        ("100.64.0.0/16", "203.0.113.0/24"),
    ],
)
def test_a_vpc_takes(first: str, block: str) -> None:
    assert refused(first, block) == ""


@pytest.mark.parametrize(
    ("first", "block", "of"),
    [
        ("10.20.0.0/22", "172.16.0.0/16", "172.16.0.0/12"),
        ("10.20.0.0/22", "198.19.0.0/20", "198.19.0.0/16"),
        ("10.1.0.0/16", "10.0.128.0/20", "10.0.0.0/16"),
        ("172.16.0.0/16", "172.31.0.0/20", "172.31.0.0/16"),
        ("192.168.0.0/20", "10.2.0.0/16", "10.0.0.0/8"),
        ("198.19.0.0/20", "192.168.0.0/20", "192.168.0.0/16"),
        ("100.64.0.0/16", "10.2.0.0/16", "10.0.0.0/8"),
        ("100.64.0.0/16", "198.19.0.0/20", "198.19.0.0/16"),
    ],
)
def test_a_vpc_does_not_take(first: str, block: str, of: str) -> None:
    assert refused(first, block).startswith(
        f"InvalidVpc.Range: The CIDR '{block}' is restricted: to a VPC of {first} nothing of {of} can be added."
    )


def test_an_added_range_restricts_too() -> None:
    assert "nothing of 10.0.0.0/16" in refused("10.20.0.0/22", "10.0.0.0/20", "10.1.0.0/20")


@given(prefix=st.integers(8, 30))
def test_a_range_is_between_16_and_28(prefix: int) -> None:
    assert bool(refused("10.0.0.0/16", f"11.0.0.0/{prefix}")) == (prefix not in range(16, 29))


@given(added=st.integers(0, 8))
def test_a_vpc_has_five(added: int) -> None:
    there = [f"10.{2 + index}.0.0/16" for index in range(added)]
    assert refused("10.1.0.0/16", "10.99.0.0/16", *there).startswith("CidrLimitExceeded") == (added + 1 >= MOST_RANGES)


def test_nothing_over_another_range_or_a_route_out() -> None:
    assert "overlaps 10.2.0.0/16" in refused("10.0.0.0/16", "10.2.4.0/24", "10.2.0.0/16")
    # AWS's own example: the same size or larger is refused, smaller is not.
    assert "route to 10.9.0.0/24" in refused("10.2.0.0/16", "10.9.0.0/24", routes=("10.9.0.0/24",))
    assert refused("10.2.0.0/16", "10.9.0.0/25", routes=("10.9.0.0/24", "0.0.0.0/0")) == ""
