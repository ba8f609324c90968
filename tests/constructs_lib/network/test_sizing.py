"""The arithmetic of subnets."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.network.sizing import PODS, RESERVED, Nodes, addresses, subnet_prefix
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.instances import CATALOGUE

NODES = st.integers(1, 400)
SUBNETS = st.integers(1, 6)
ENDPOINTS = st.integers(0, 20)


def block(prefix: int) -> str:
    return str(ipaddress.ip_network(f"10.0.0.0/{prefix}"))


@given(nodes=NODES, subnets=SUBNETS, efa=st.booleans(), endpoints=ENDPOINTS)
def test_a_subnet_holds_all_nodes_twice_and_is_the_smallest_that_does(
    nodes: int, subnets: int, efa: bool, endpoints: int
) -> None:
    prefix = subnet_prefix(cidr=block(16), subnets=subnets, nodes=nodes, efa=efa, endpoints=endpoints)
    size = 2 ** (32 - prefix)
    needed = 2 * nodes * (5 if efa else 2) + endpoints + RESERVED
    assert size >= needed
    assert prefix == 28 or size // 2 < needed


@given(nodes=NODES, subnets=SUBNETS, efa=st.booleans(), prefix=st.integers(16, 28))
def test_subnets_fit_into_the_block_or_the_error_names_one_that_suffices(
    nodes: int, subnets: int, efa: bool, prefix: int
) -> None:
    found = subnet_prefix(cidr=block(16), subnets=subnets, nodes=nodes, efa=efa, endpoints=8)
    fits = subnets * 2 ** (32 - found) <= 2 ** (32 - prefix)
    if fits:
        assert subnet_prefix(cidr=block(prefix), subnets=subnets, nodes=nodes, efa=efa, endpoints=8) == found
        return
    with pytest.raises(ContractError) as caught:
        subnet_prefix(cidr=block(prefix), subnets=subnets, nodes=nodes, efa=efa, endpoints=8)
    assert caught.value.field == "cidr"
    larger = int(caught.value.way_out.split("/")[1].split()[0])
    assert larger < prefix
    assert subnet_prefix(cidr=block(larger), subnets=subnets, nodes=nodes, efa=efa, endpoints=8) == found


@given(nodes=NODES, efa=st.booleans(), endpoints=ENDPOINTS)
def test_one_more_node_never_needs_less(nodes: int, efa: bool, endpoints: int) -> None:
    assert addresses(nodes=nodes + 1, efa=efa, endpoints=endpoints) > addresses(
        nodes=nodes, efa=efa, endpoints=endpoints
    )


@pytest.mark.parametrize(
    ("cidr", "rule"),
    [("10.0.0.1/16", "IPv4 network"), ("10.0/16", "IPv4 network"), ("10.0.0.0/15", "/16 to /28"), ("::/64", "IPv4")],
)
def test_a_block_that_no_vpc_has_is_refused(cidr: str, rule: str) -> None:
    with pytest.raises(ContractError, match=rule):
        subnet_prefix(cidr=cidr, subnets=1, nodes=1, efa=False, endpoints=0)


def test_one_subnet_may_be_the_largest_vpc() -> None:
    assert subnet_prefix(cidr="10.0.0.0/16", subnets=1, nodes=6553, efa=True, endpoints=0) == 16


def test_more_nodes_than_the_largest_vpc_holds_are_refused() -> None:
    with pytest.raises(ContractError, match=r"^nodes: got 6758, but 6 subnets"):
        subnet_prefix(cidr="10.0.0.0/16", subnets=6, nodes=6758, efa=True, endpoints=8)


@pytest.mark.parametrize(
    ("fields", "each"),
    [
        ({}, 32),  # AWS: 32 addresses for each P5 node under Slurm …
        ({"pods": PODS}, 81),  # … and 81 under EKS.
        ({"interface": "efa-only"}, 1),
        ({"interface": "efa-only", "pods": PODS}, 50),
        ({"instance_type": "ml.m5.xlarge"}, 1),
        ({"instance_type": "ml.p6-b300.48xlarge"}, 17),
    ],
)
def test_a_node_of_a_cluster_takes_an_address_for_each_card_and_pod(fields: dict, each: int) -> None:
    nodes = Nodes(**{"instance_type": "ml.p5.48xlarge", "count": 3, **fields})
    assert (nodes.each, nodes.addresses) == (each, 2 * 3 * each)


@given(name=st.sampled_from(sorted(CATALOGUE)), count=st.integers(1, 6757), pods=st.integers(0, 700))
def test_more_nodes_or_pods_never_need_less_and_every_node_has_an_address(name: str, count: int, pods: int) -> None:
    nodes = Nodes(instance_type=name, count=count, pods=pods)
    assert nodes.each >= max(1, CATALOGUE[name].efa_interfaces) + pods
    for more in ({"count": count + 1, "pods": pods}, {"count": count, "pods": pods + 1}):
        assert Nodes(instance_type=name, **more).addresses > nodes.addresses


def test_a_type_that_nobody_knows_has_no_size() -> None:
    with pytest.raises(InvalidValue, match=r"Nodes\.instance_type: .*'ml\.p5\.47xlarge'.*Did you mean"):
        Nodes(instance_type="ml.p5.47xlarge", count=1)
