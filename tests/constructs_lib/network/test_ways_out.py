"""Networks as templates: one for each way out, with every purpose."""

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from synthesis import context, resources

from constructs_lib.network import (
    ACCOUNTING,
    EKS_CLUSTER,
    HYPERPOD,
    JOBS,
    LUSTRE_CLIENTS,
    PODS,
    Closed,
    ClusterSubnet,
    EgressVpc,
    Nat,
    Network,
    NetworkSettings,
    Nodes,
    WayOut,
    know_availability_zones,
)
from constructs_lib.values import InvalidValue

ACCOUNT, REGION, ZONES = "111111111111", "us-east-1", ("us-east-1a", "us-east-1b")
SLURM = ClusterSubnet(name="Slurm", zone=ZONES[0], others=4, nodes=(Nodes(instance_type="ml.p5.48xlarge", count=16),))
EKS = ClusterSubnet(
    name="Eks", zone=ZONES[1], cidr="10.1.0.0/20", nodes=(Nodes(instance_type="ml.p5.48xlarge", count=16, pods=PODS),)
)
PURPOSES = (JOBS, HYPERPOD, ACCOUNTING, EKS_CLUSTER, LUSTRE_CLIENTS)


def network(way_out: WayOut) -> tuple[Network, dict]:
    import aws_cdk as cdk

    app = cdk.App(context=context())
    stack = cdk.Stack(app, "S", env=cdk.Environment(account=ACCOUNT, region=REGION))
    know_availability_zones(stack, ZONES)
    settings = NetworkSettings(cidr="10.0.0.0/20", availability_zones=ZONES, nodes=8, efa=True, log_days=30,
                               purposes=PURPOSES, clusters=(SLURM, EKS), way_out=way_out)  # fmt: skip
    made = Network(stack, "Network", settings=settings, removal=cdk.RemovalPolicy.DESTROY)
    return made, app.synth().stacks[0].template


@pytest.fixture(scope="module")
def closed() -> tuple[Network, dict]:
    return network(Closed())


@pytest.fixture(scope="module")
def nat() -> dict:
    return network(Nat(zones=ZONES[:1]))[1]


@pytest.fixture(scope="module")
def transit() -> dict:
    gateway = EgressVpc(transit_gateway_id="tgw-0123456789abcdef0", destinations=("0.0.0.0/0", "10.200.0.0/16"))
    return network(gateway)[1]


def subnets(template: dict) -> dict[str, dict]:
    return {name: entry["Properties"] for name, entry in resources(template, "AWS::EC2::Subnet").items()}


def routes(template: dict) -> Iterator[tuple[str, dict]]:
    """Routes by the subnet that takes them."""
    tables = {
        entry["Properties"]["RouteTableId"]["Ref"]: entry["Properties"]["SubnetId"]["Ref"]
        for entry in resources(template, "AWS::EC2::SubnetRouteTableAssociation").values()
    }
    for entry in resources(template, "AWS::EC2::Route").values():
        yield tables[entry["Properties"]["RouteTableId"]["Ref"]], entry["Properties"]


def test_a_closed_network_has_no_route_to_anywhere(closed: tuple[Network, dict]) -> None:
    template = closed[1]
    for kind in ("InternetGateway", "VPCGatewayAttachment", "NatGateway", "EIP", "Route", "TransitGatewayAttachment"):
        assert resources(template, f"AWS::EC2::{kind}") == {}
    assert closed[0].closed
    # Every subnet has a table of its own: the VPC's main one is not this template's to keep empty.
    assert len(resources(template, "AWS::EC2::SubnetRouteTableAssociation")) == len(subnets(template)) == 4


def test_subnets_of_clusters_are_large_in_one_zone_and_those_of_jobs_small_in_all(
    closed: tuple[Network, dict],
) -> None:
    found = {name: (one["AvailabilityZone"], one["CidrBlock"]) for name, one in subnets(closed[1]).items()}
    assert sorted(found.values()) == [
        (ZONES[0], "10.0.0.0/25"),
        (ZONES[0], "10.0.8.0/21"),
        (ZONES[1], "10.0.0.128/25"),
        (ZONES[1], "10.1.0.0/20"),
    ]
    assert not any(one["MapPublicIpOnLaunch"] for one in subnets(closed[1]).values())


def test_a_block_of_its_own_is_added_before_its_subnet(closed: tuple[Network, dict]) -> None:
    ((name, block),) = resources(closed[1], "AWS::EC2::VPCCidrBlock").items()
    assert block["Properties"]["CidrBlock"] == "10.1.0.0/20"
    (dependent,) = (entry for key, entry in resources(closed[1], "AWS::EC2::Subnet").items() if "Eks" in key)
    assert dependent["DependsOn"] == [name]
    (group,) = (entry for key, entry in resources(closed[1], "AWS::EC2::SecurityGroup").items() if "Endpoint" in key)
    sources = [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupIngress"]]
    assert sources == ["10.0.0.0/20", "10.1.0.0/20"]


def test_subnets_of_jobs_can_be_found_by_load_balancers(closed: tuple[Network, dict]) -> None:
    tagged = [
        name for name, one in subnets(closed[1]).items()
        if {"Key": "kubernetes.io/role/internal-elb", "Value": "1"} in one["Tags"]
    ]  # fmt: skip
    assert len(tagged) == 2
    assert all("Private" in name for name in tagged)


def test_places_know_their_zone_and_their_room(closed: tuple[Network, dict]) -> None:
    made = closed[0]
    assert [(place.name, place.zone, place.room) for place in made.places()] == [
        ("Slurm", ZONES[0], 2048 - 5 - 4),
        ("Eks", ZONES[1], 4096 - 5),
    ]
    assert [place.name for place in made.places(ZONES[1])] == ["Eks"]
    assert made.clusters["Slurm"].spare == 2048 - 5 - SLURM.nodes[0].addresses
    assert [place.zone for place in made.jobs] == list(ZONES)


def test_more_nodes_than_planned_are_refused(closed: tuple[Network, dict]) -> None:
    place = closed[0].clusters["Slurm"]
    place.admit("groups", SLURM.nodes)
    with pytest.raises(ValueError, match=r"^groups: got 32, but 32 nodes.*take 2048 addresses.*Slurm has 2039"):
        place.admit("groups", [*SLURM.nodes, *SLURM.nodes])
    replace(place, room=2048).admit("groups", [*SLURM.nodes, *SLURM.nodes])


def endpoints(template: dict, kind: str) -> dict[str, dict]:
    """Endpoints by the last part of their service's name."""
    found = (entry["Properties"] for entry in resources(template, "AWS::EC2::VPCEndpoint").values())
    return {service_name(one).partition(f"{REGION}.")[2]: one for one in found if one["VpcEndpointType"] == kind}


def service_name(endpoint: dict) -> str:
    name = endpoint["ServiceName"]
    parts = [name] if isinstance(name, str) else name["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else REGION for part in parts)


def test_every_subnet_reaches_s3_and_one_of_each_zone_holds_the_interfaces(closed: tuple[Network, dict]) -> None:
    (gateway,) = endpoints(closed[1], "Gateway").values()
    assert len(gateway["RouteTableIds"]) == 4
    interfaces = endpoints(closed[1], "Interface")
    assert {"ssm", "ec2messages", "eks-auth", "fsx", "kms"} < set(interfaces)
    for endpoint in interfaces.values():
        assert endpoint["PrivateDnsEnabled"] is True
        assert len(endpoint["SubnetIds"]) == 2


def test_by_nat_every_private_subnet_leaves_through_a_gateway_in_a_public_one(nat: dict) -> None:
    ((gateway, entry),) = resources(nat, "AWS::EC2::NatGateway").items()
    public = entry["Properties"]["SubnetId"]["Ref"]
    found = dict(routes(nat))
    ((internet, _),) = resources(nat, "AWS::EC2::InternetGateway").items()
    assert found.pop(public)["GatewayId"] == {"Ref": internet}
    assert len(found) == 4
    for route in found.values():
        assert (route["DestinationCidrBlock"], route["NatGatewayId"]) == ("0.0.0.0/0", {"Ref": gateway})
    assert subnets(nat)[public] | {"Tags": []} == {
        "AvailabilityZone": ZONES[0], "CidrBlock": "10.0.1.0/28", "MapPublicIpOnLaunch": False, "Tags": [],
        "VpcId": {"Ref": next(iter(resources(nat, "AWS::EC2::VPC")))},
    }  # fmt: skip


def test_by_a_transit_gateway_the_network_itself_has_no_internet(transit: dict) -> None:
    assert resources(transit, "AWS::EC2::InternetGateway") == resources(transit, "AWS::EC2::NatGateway") == {}
    ((name, attachment),) = resources(transit, "AWS::EC2::TransitGatewayAttachment").items()
    own = {one["Ref"] for one in attachment["Properties"]["SubnetIds"]}
    assert {subnets(transit)[one]["AvailabilityZone"] for one in own} == set(ZONES)
    assert {ipaddress.ip_network(subnets(transit)[one]["CidrBlock"]).prefixlen for one in own} == {28}
    found = list(routes(transit))
    assert {subnet for subnet, _ in found} == set(subnets(transit)) - own
    assert {route["DestinationCidrBlock"] for _, route in found} == {"0.0.0.0/0", "10.200.0.0/16"}
    assert all(entry["DependsOn"] == [name] for entry in resources(transit, "AWS::EC2::Route").values())


def test_a_way_out_moves_and_replaces_no_subnet(closed: tuple[Network, dict], nat: dict, transit: dict) -> None:
    before = {name: one["CidrBlock"] for name, one in subnets(closed[1]).items()}
    for template in (nat, transit):
        assert before.items() <= {name: one["CidrBlock"] for name, one in subnets(template).items()}.items()


def test_all_traffic_of_every_network_is_logged(closed: tuple[Network, dict], nat: dict, transit: dict) -> None:
    for template in (closed[1], nat, transit):
        ((_, log),) = resources(template, "AWS::EC2::FlowLog").items()
        assert (log["Properties"]["TrafficType"], log["Properties"]["ResourceType"]) == ("ALL", "VPC")


def test_an_environment_may_hold_any_way_out_as_data() -> None:
    settings = {"cidr": "10.0.0.0/20", "availability_zones": ZONES, "nodes": 8, "efa": True, "log_days": 30}
    shown = json.loads(NetworkSettings(**settings, way_out=Nat(zones=ZONES[:1])).model_dump_json())
    assert shown["way_out"] == {"zones": [ZONES[0]]}
    with pytest.raises(InvalidValue, match="way_out"):
        NetworkSettings(**settings, way_out="nat")
