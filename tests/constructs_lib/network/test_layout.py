"""Which block each subnet gets."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.network import PODS, ClusterSubnet, Nodes
from constructs_lib.network.layout import lay_out
from ml_contract.errors import ContractError

WHOLE = "10.0.0.0/16"
P5 = Nodes(instance_type="ml.p5.48xlarge", count=16)
counts = st.integers(1, 40)
clusters = st.lists(
    st.builds(
        lambda count, others, pods: {"count": count, "others": others, "pods": pods},
        counts, st.integers(0, 40), st.sampled_from([0, PODS]),
    ),
    max_size=4,
)  # fmt: skip


def made(specifications: list[dict]) -> list[ClusterSubnet]:
    return [
        ClusterSubnet(
            name=f"C{index}",
            zone="a",
            nodes=(Nodes(instance_type="ml.p5.48xlarge", count=one["count"], pods=one["pods"]),),
            others=one["others"],
        )
        for index, one in enumerate(specifications)
    ]


@given(prefix=st.integers(24, 28), zones=st.integers(1, 4), specifications=clusters, small=st.booleans())
def test_subnets_are_large_enough_lie_inside_and_do_not_overlap(
    prefix: int, zones: int, specifications: list[dict], small: bool
) -> None:
    given_clusters = made(specifications)
    layout = lay_out(cidr=WHOLE, prefix=prefix, zones=zones, clusters=given_clusters, small=small)
    subnets = [*layout.jobs, *layout.small, *layout.clusters]
    assert len(layout.small) == (zones if small else 0)
    assert all(one.subnet_of(ipaddress.IPv4Network(WHOLE)) for one in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
    for cluster, block in zip(given_clusters, layout.clusters, strict=True):
        assert block.num_addresses >= cluster.needed
        assert block.prefixlen == 28 or block.num_addresses // 2 < cluster.needed


@given(prefix=st.integers(24, 28), zones=st.integers(1, 4), first=counts, second=counts)
def test_neither_a_way_out_nor_a_further_cluster_moves_what_is_there(
    prefix: int, zones: int, first: int, second: int
) -> None:
    one, two = made([{"count": first, "others": 0, "pods": 0}, {"count": second, "others": 0, "pods": 0}])
    before = lay_out(cidr=WHOLE, prefix=prefix, zones=zones, clusters=[one], small=False)
    after = lay_out(cidr=WHOLE, prefix=prefix, zones=zones, clusters=[one, two], small=True)
    assert after.jobs == before.jobs
    assert after.clusters[0] == before.clusters[0]


def subnet(**fields: object) -> ClusterSubnet:
    return ClusterSubnet(**{"name": "Slurm", "zone": "a", "nodes": (P5,), **fields})


def test_a_cluster_may_have_a_block_of_its_own() -> None:
    layout = lay_out(cidr="10.32.0.0/24", prefix=25, zones=2, clusters=[subnet(cidr="10.33.0.0/21")], small=False)
    assert [str(one) for one in layout.clusters] == [str(one) for one in layout.added] == ["10.33.0.0/21"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([{}], r"^clusters\.0: got 'Slurm', but it needs 1029 addresses, and 10.32.0.0/24 has no /21 left\."),
        ([{"cidr": "10.33.0.0/22"}], r"^clusters\.0\.cidr: .* Slurm needs 1029 addresses\. Take a /21"),
        ([{"cidr": "10.32.0.0/21"}], "blocks of one network do not overlap"),
        ([{"cidr": "10.33.0.0/21"}, {"cidr": "10.33.0.0/20", "name": "Other"}], "do not overlap"),
        (
            [{"cidr": "10.1.0.0/21"}, {"cidr": "10.0.0.0/21", "name": "Other"}],
            r"no block of 10\.0\.0\.0/16 can be added\. Take another one of 10\.0\.0\.0/8",
        ),
        ([{"cidr": "192.168.0.0/21"}], r"no block of 192\.168\.0\.0/16 can be added\. Take one of 10\.0\.0\.0/8"),
        ([{"cidr": "10.33.0.0/15"}], "IPv4 network|/16 to /28"),
        ([{"cidr": f"10.{40 + n}.0.0/21", "name": f"C{n}"} for n in range(5)], "at most 5 blocks"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_size_that_does(fields: list[dict], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        lay_out(cidr="10.32.0.0/24", prefix=25, zones=2, clusters=[subnet(**one) for one in fields], small=False)


def test_a_carrier_grade_block_goes_with_every_network() -> None:
    for whole in ("10.32.0.0/24", "172.16.0.0/24", "192.168.0.0/24"):
        assert lay_out(cidr=whole, prefix=25, zones=2, clusters=[subnet(cidr="100.64.0.0/21")], small=False)


def test_what_fits_exactly_fits() -> None:
    assert len(lay_out(cidr="10.32.0.0/24", prefix=28, zones=8, clusters=[], small=True).small) == 8
    sixteen = subnet(nodes=(Nodes(instance_type="ml.m5.xlarge", count=1),), others=9, cidr="10.33.0.0/28")
    assert lay_out(cidr="10.32.0.0/24", prefix=25, zones=2, clusters=[sixteen], small=False).clusters[0].prefixlen == 28


def test_a_way_out_without_room_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^cidr: .* no room for 2 small ones of the way out\. Take a /23"):
        lay_out(cidr="10.32.0.0/24", prefix=25, zones=2, clusters=[], small=True)
