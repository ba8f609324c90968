"""Addresses of nodes as AWS gives them, and the sizes of batches."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.clusters.places import NoAddress, Places
from trainyard.local.clusters.software_plan import batch_size


def places(*blocks: str, ranges: Sequence[str] = ("10.0.0.0/16",)) -> Places:
    """Of a cluster in a VPC of these ranges with these subnets, in zones a, b, …."""
    subnets = {
        f"subnet-{index}": {"CidrBlock": block, "AvailabilityZone": f"us-east-1{chr(97 + index)}", "VpcId": "vpc"}
        for index, block in enumerate(blocks)
    }

    def describe(SubnetIds: list[str]) -> Any:
        return {"Subnets": [subnets[SubnetIds[0]]]}

    vpc = {"CidrBlock": ranges[0], "CidrBlockAssociationSet": [{"CidrBlock": one} for one in ranges]}
    ec2 = SimpleNamespace(describe_subnets=describe, describe_vpcs=lambda **_: {"Vpcs": [vpc]})
    platform: Any = SimpleNamespace(client=lambda _: ec2)
    return Places(platform, {"Settings": {"VpcConfig": {"Subnets": list(subnets)}} if blocks else {}})


@given(prefix=st.integers(26, 28), nodes=st.integers(0, 70))
def test_a_subnet_has_room_for_all_but_five(prefix: int, nodes: int) -> None:
    found, block = places(f"10.0.8.0/{prefix}"), ipaddress.IPv4Network(f"10.0.8.0/{prefix}")
    taken: list[str] = []
    room = block.num_addresses - 5
    for _ in range(min(nodes, room)):
        taken.append(found.find({}, taken)[0])
    assert len(set(taken)) == len(taken)
    assert not {str(block[index]) for index in (0, 1, 2, 3, -1)} & set(taken)
    if nodes > room:
        with pytest.raises(NoAddress, match="Insufficient free addresses in subnet subnet-0"):
            found.find({}, taken)


def test_subnets_are_filled_in_their_order_and_say_the_zone() -> None:
    found = places("10.0.0.0/28", "10.0.1.0/28")
    first = [f"10.0.0.{index}" for index in range(4, 15)]
    assert found.find({}, first[:-1]) == ("10.0.0.14", "us-east-1a")
    assert found.find({}, first) == ("10.0.1.4", "us-east-1b")
    assert found.find({"OverrideVpcConfig": {"Subnets": ["subnet-1"]}}, []) == ("10.0.1.4", "us-east-1b")
    assert found.networks() == ["10.0.0.0/16"]


def test_subnets_of_another_range_of_the_vpc_are_as_good() -> None:
    found = places("10.0.0.0/28", "10.33.0.0/28", ranges=["10.0.0.0/16", "10.33.0.0/21"])
    assert found.find({"OverrideVpcConfig": {"Subnets": ["subnet-1"]}}, []) == ("10.33.0.4", "us-east-1b")
    assert found.networks() == ["10.0.0.0/16", "10.33.0.0/21"]


def test_a_cluster_without_a_vpc_has_a_network_of_its_own() -> None:
    assert places().find({}, []) == ("10.1.0.4", "")
    assert places().networks() == ["10.1.0.0/16"]


@given(
    nodes=st.integers(0, 300),
    kind=st.sampled_from(["INSTANCE_COUNT", "CAPACITY_PERCENTAGE"]),
    value=st.integers(1, 100),
)
def test_a_batch_is_at_least_one_node_and_no_more_than_asked(nodes: int, kind: str, value: int) -> None:
    size = batch_size({"Type": kind, "Value": value}, nodes)
    assert 1 <= size <= max(1, nodes)
    assert size <= max(1, value if kind == "INSTANCE_COUNT" else nodes * value / 100)
    assert batch_size(None, nodes) == max(1, nodes)
