"""What a network of its own refuses, and what its purposes bring."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.network import (
    ACCOUNTING,
    EKS_CLUSTER,
    ENDPOINTS,
    HYPERPOD,
    JOBS,
    LUSTRE_CLIENTS,
    MANAGED_PROMETHEUS,
    Closed,
    ClusterSubnet,
    EgressVpc,
    Nat,
    NetworkSettings,
    Nodes,
    Purpose,
    WayOut,
)
from constructs_lib.network.purposes import JUMPSTART, buckets_of, endpoints_of
from constructs_lib.values import InvalidValue

EVERYTHING = (JOBS, HYPERPOD, ACCOUNTING, EKS_CLUSTER, LUSTRE_CLIENTS, MANAGED_PROMETHEUS, JUMPSTART)
GATEWAY = {"transit_gateway_id": "tgw-0123456789abcdef0", "destinations": ("0.0.0.0/0",)}


def settings(**fields: object) -> NetworkSettings:
    given = {"cidr": "10.0.0.0/16", "availability_zones": ("a", "b"), "nodes": 4, "efa": False, "log_days": 1}
    return NetworkSettings(**{**given, **fields})


def cluster(**fields: object) -> ClusterSubnet:
    nodes = (Nodes(instance_type="ml.p5.48xlarge", count=2),)
    return ClusterSubnet(**{"name": "Slurm", "zone": "a", "nodes": nodes, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"availability_zones": ("a", "a")}, "a zone may be named once"),
        ({"clusters": (cluster(), cluster())}, "each has its own name"),
        ({"clusters": (cluster(zone="c"),)}, r"clusters\.0\.zone.*endpoints stand in a, b"),
        ({"purposes": ()}, "a closed network reaches nothing but its endpoints"),
        ({"way_out": Nat(zones=("c",))}, r"way_out\.zones.*the zones of the network are a, b"),
        (
            {"way_out": EgressVpc(**{**GATEWAY, "destinations": ("10.0.8.0/24",)})},
            "inside the network's own 10.0.0.0/16",
        ),
        (
            {
                "way_out": EgressVpc(**{**GATEWAY, "destinations": ("10.1.1.0/24",)}),
                "clusters": (cluster(cidr="10.1.0.0/22"),),
            },
            "inside the network's own 10.1.0.0/22",
        ),
        ({"purposes": (JOBS, HYPERPOD, JOBS)}, r"purposes: got \['jobs and endpoints', .* a purpose counts once"),
    ],
)
def test_what_does_not_go_together(fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        settings(**fields)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Nat, {"zones": ()}, "at least 1"),
        (Nat, {"zones": ("a", "a")}, "a zone has one gateway"),
        (EgressVpc, {**GATEWAY, "transit_gateway_id": "vgw-0123456789abcdef0"}, "must match"),
        (EgressVpc, {**GATEWAY, "destinations": ()}, "at least 1"),
        (EgressVpc, {**GATEWAY, "destinations": ("0.0.0.0/0", "0.0.0.0/0")}, "routed once"),
        (EgressVpc, {**GATEWAY, "destinations": ("everywhere",)}, "IPv4 network"),
    ],
)
def test_a_way_out_says_where_it_leads(kind: type[WayOut], fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        kind(**fields)


def test_a_way_out_that_makes_nothing_of_a_network_is_none() -> None:
    with pytest.raises(TypeError, match="abstract"):
        WayOut()


def test_a_network_is_closed_unless_a_way_out_is_asked_for() -> None:
    assert settings().way_out == Closed()
    assert [way.closed for way in (Closed(), Nat(zones=("a",)), EgressVpc(**GATEWAY))] == [True, False, False]


def test_an_endpoint_is_made_once_whoever_needs_it_and_has_a_reason() -> None:
    found = endpoints_of(EVERYTHING)
    assert found[: len(ENDPOINTS)] == ENDPOINTS
    services = [endpoint.service for endpoint in found]
    assert len(set(services)) == len(services) == len({endpoint.id for endpoint in found})
    assert {"ssm", "ssmmessages", "ec2messages", "ec2", "secretsmanager", "eks", "eks-auth", "fsx",
            "aps-workspaces"} <= set(services)  # fmt: skip
    assert all(endpoint.reason for endpoint in found)


def test_nodes_alone_need_less_than_jobs_and_nodes() -> None:
    assert "sagemaker.runtime" not in {endpoint.service for endpoint in endpoints_of((HYPERPOD,))}
    assert buckets_of((HYPERPOD, JOBS)) == buckets_of((JOBS, HYPERPOD))[:1] + HYPERPOD.buckets[1:]


def test_a_closed_network_that_lacks_what_a_user_calls_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"the cluster calls ssm, ssmmessages, ec2messages, ec2, secretsmanager\. Add"):
        settings().require(HYPERPOD, "the cluster")
    settings(purposes=(JOBS, HYPERPOD)).require(HYPERPOD, "the cluster")
    settings(way_out=Nat(zones=("a",))).require(HYPERPOD, "the cluster")


def test_a_network_that_has_no_addresses_for_a_user_is_refused_with_any_way_out() -> None:
    for way_out in (Closed(), Nat(zones=("a",))):
        with pytest.raises(ValueError, match=r"the cluster takes 2 addresses in each zone.*what stands for accounting"):
            settings(way_out=way_out).require(ACCOUNTING, "the cluster")
    settings(purposes=(JOBS, ACCOUNTING)).require(ACCOUNTING, "the cluster")


def test_a_network_with_a_way_out_may_have_no_endpoint() -> None:
    assert settings(purposes=(ACCOUNTING,), way_out=Nat(zones=("a",))).shared == ACCOUNTING.addresses


def test_layers_of_images_pass_the_gateway_whatever_runs_there() -> None:
    assert buckets_of(()) == buckets_of((JOBS,)) == buckets_of((EKS_CLUSTER,))


@given(
    nodes=st.integers(1, 400), efa=st.booleans(), zones=st.integers(1, 6),
    purposes=st.lists(st.sampled_from(EVERYTHING[1:]), unique_by=lambda one: one.name),
    way_out=st.sampled_from([Closed(), EgressVpc(**GATEWAY)]),
)  # fmt: skip
def test_subnets_hold_nodes_replacements_endpoints_and_what_else_is_there_and_are_the_smallest_that_do(
    nodes: int, efa: bool, zones: int, purposes: list[Purpose], way_out: WayOut
) -> None:
    together = (JOBS, *purposes)
    made = settings(nodes=nodes, efa=efa, availability_zones=tuple("abcdef"[:zones]), purposes=together,
                    way_out=way_out)  # fmt: skip
    needed = 2 * nodes * (5 if efa else 2) + len(endpoints_of(together)) + sum(one.addresses for one in together) + 5
    for block in made.layout.jobs:
        assert block.num_addresses >= needed
        assert block.num_addresses == 16 or block.num_addresses // 2 < needed
    assert not any(one.overlaps(other) for one, other in combinations([*made.layout.jobs, *made.layout.small], 2))


def test_every_purpose_counts_in_the_subnets() -> None:
    few, many = settings(), settings(purposes=EVERYTHING)
    assert few.shared == len(ENDPOINTS)
    # 8 of jobs, 5 more of nodes, 3 of EKS, Lustre, Prometheus; 2 for the database, 16 for the control plane.
    assert many.shared == len(endpoints_of(EVERYTHING)) + 18 == 36
    assert many.prefix < few.prefix
