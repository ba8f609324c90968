"""A network that exists is held against the same needs, by its facts."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from synthesis import resources

from constructs_lib.network import (
    EKS_CLUSTER,
    ENDPOINTS,
    JOBS,
    GroupRule,
    ImportedCluster,
    ImportedGroup,
    ImportedNetwork,
    ImportedSubnet,
    Network,
    Nodes,
)
from constructs_lib.values import InvalidValue

GROUP = "sg-0123456789abcdef0"
SERVICES = tuple(endpoint.service for endpoint in ENDPOINTS)


def rule(direction: str, protocol: str = "-1", peer: str = GROUP) -> GroupRule:
    return GroupRule(direction=direction, protocol=protocol, peer=peer)


RULES = (rule("in"), rule("out"), rule("out", peer="0.0.0.0/0"))


def subnet(index: int, **fields: object) -> ImportedSubnet:
    given = {
        "id": f"subnet-0123456789abcde{index:02}", "zone": f"us-east-1{'abcdef'[index]}", "cidr": f"10.0.{index}.0/24",
        "route_table": f"rtb-0123456789abcde{index:02}", "default_route": "none", "taken": 20,
    }  # fmt: skip
    return ImportedSubnet(**{**given, **fields})


TABLES = (subnet(0).route_table, subnet(1).route_table)


def cluster(**fields: object) -> ImportedCluster:
    given = {"name": "Slurm", "subnet": subnet(0, id="subnet-0123456789abcdef0", cidr="10.0.16.0/21"),
             "nodes": (Nodes(instance_type="ml.p5.48xlarge", count=16),)}  # fmt: skip
    return ImportedCluster(**{**given, **fields})


def overlapping() -> ImportedSubnet:
    return subnet(0, id="subnet-0123456789abcdef0", cidr="10.0.0.0/21")


def second() -> ImportedSubnet:
    return subnet(1, id="subnet-0123456789abcdef9", cidr="10.0.24.0/21")


def imported(**fields: object) -> ImportedNetwork:
    given = {
        "nodes": 16, "efa": True, "vpc_id": "vpc-0123456789abcdef0", "cidrs": ("10.0.0.0/16",), "tenancy": "default",
        "dns_support": True, "dns_hostnames": True, "subnets": (subnet(0), subnet(1)), "clusters": (cluster(),),
        "services": SERVICES, "s3_route_tables": TABLES, "log_days": None,
        "group": ImportedGroup(id=GROUP, rules=RULES),
    }  # fmt: skip
    return ImportedNetwork(**{**given, **fields})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: imported(tenancy="dedicated"), "shared hardware only.*Take a VPC of default tenancy"),
        (lambda: imported(dns_support=False), r"dns_support.*Turn dns_support on"),
        (lambda: imported(dns_hostnames=False), r"dns_hostnames.*Turn dns_hostnames on"),
        (lambda: imported(subnets=(subnet(0), subnet(0, id="subnet-0123456789abcde99"))), "each zone has one subnet"),
        (lambda: imported(subnets=(subnet(0), subnet(1, id=subnet(0).id))), "a subnet is named once"),
        (lambda: imported(subnets=(subnet(0, cidr="10.0.0.0/25"),)), r"take 160 addresses and 103 are left"),
        (lambda: imported(subnets=(subnet(0, taken=100),)), r"take 160 addresses and 151 are left"),
        (lambda: imported(cidrs=("10.1.0.0/16",)), r"subnets\.0\.cidr: .*the network has 10\.1\.0\.0/16"),
        (lambda: imported(cidrs=("10.0.0.0/16", "tenth")), r"cidrs\.1: got 'tenth'.*must be an IPv4 network"),
        (lambda: imported(clusters=(cluster(), cluster(subnet=second()))),
         r"clusters: got .'Slurm', 'Slurm'.*each has its own name"),
        (lambda: imported(clusters=(cluster(subnet=overlapping()),)),
         r"clusters\.0\.subnet\.cidr: got '10\.0\.0\.0/21', but it overlaps 10\.0\.0\.0/24 of subnet-"),
        (lambda: imported(clusters=(cluster(subnet=subnet(2)),)), "1024 addresses and 231 are left"),
        (lambda: imported(subnets=(subnet(1),)), r"clusters\.0\.subnet\.zone.*endpoints stand in us-east-1b"),
        (lambda: imported(services=("sts",)), "sagemaker.api, sagemaker.runtime, logs.*or give every subnet"),
        (lambda: imported(purposes=(JOBS, EKS_CLUSTER)), "eks, eks-auth, elasticloadbalancing too"),
        (lambda: imported(services=("com.amazonaws.us-east-1.ecr.api",)), r'services\.0: .*Write "ecr\.api"'),
        (lambda: imported(services=("aws.sagemaker.us-east-1.experiments",)), r'Write "sagemaker\.experiments"'),
        (lambda: imported(s3_route_tables=TABLES[1:]),
         r"s3_route_tables: .*subnets\.0 has no default route.*rtb-0123456789abcde00 does not have"),
        (lambda: imported(s3_route_tables=TABLES[:1]), r"subnets\.1 has no default route"),
        (lambda: subnet(0, default_route="internet-gateway"), "is public.*Take a private subnet"),
        (lambda: subnet(0, cidr="10.0.0.0/8"), r"ImportedSubnet\.cidr: .*/16 to /28"),
        (lambda: subnet(0, taken=252), r"taken: got 252, but 10\.0\.0\.0/24 has 251 addresses"),
        (lambda: subnet(0, zone="US East"), r"zone: got 'US East', but it must match"),
        (lambda: rule("out", peer="everywhere"), r"peer: got 'everywhere', but it must match"),
        (lambda: ImportedGroup(id=GROUP, rules=RULES[1:]), "rule of ingress for all traffic with the group itself"),
        (
            lambda: ImportedGroup(id=GROUP, rules=(RULES[0], RULES[2])),
            r"rule of egress.*0\.0\.0\.0/0 does not stand in",
        ),
        (lambda: ImportedGroup(id=GROUP, rules=(rule("in", "tcp"), *RULES[1:])), "rule of ingress for all traffic"),
        (lambda: ImportedGroup(id=GROUP, rules=RULES[:2]), "no TCP leaves the group"),
        (lambda: ImportedGroup(id=GROUP, rules=(*RULES[:2], rule("out", "udp", "0.0.0.0/0"))),
         "'udp to 0.0.0.0/0'.*no TCP leaves the group"),
    ],
)  # fmt: skip
def test_a_fact_that_breaks_a_rule_is_refused_before_anything_is_deployed(make: Callable, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        make()


@example(nodes=50, efa=False, taken=51)
@given(nodes=st.integers(1, 70), efa=st.booleans(), taken=st.integers(0, 251))
def test_a_subnet_of_jobs_will_do_exactly_when_nodes_and_replacements_fit(nodes: int, efa: bool, taken: int) -> None:
    def made() -> ImportedNetwork:
        return imported(nodes=nodes, efa=efa, subnets=(subnet(0, taken=taken),), clusters=())

    if 2 * nodes * (5 if efa else 2) <= 251 - taken:
        assert made()
        return
    with pytest.raises(InvalidValue, match=rf"subnets\.0\.cidr: .*and {251 - taken} are left"):
        made()


@example(count=31, taken=59, interface="efa")
@given(count=st.integers(1, 40), taken=st.integers(0, 2043), interface=st.sampled_from(["efa", "efa-only"]))
def test_a_subnet_of_a_cluster_will_do_exactly_when_nodes_and_replacements_fit(
    count: int, taken: int, interface: str
) -> None:
    nodes = (Nodes(instance_type="ml.p5.48xlarge", count=count, interface=interface),)
    place = subnet(0, cidr="10.0.16.0/21", taken=taken)
    if 2 * count * (32 if interface == "efa" else 1) <= 2043 - taken:
        assert cluster(nodes=nodes, subnet=place)
        return
    with pytest.raises(InvalidValue, match=f"and {2043 - taken} are left"):
        cluster(nodes=nodes, subnet=place)


def test_a_network_with_a_way_out_needs_no_endpoint() -> None:
    open_ = [subnet(index, default_route="nat") for index in range(2)]
    found = imported(subnets=tuple(open_), clusters=(), services=(), s3_route_tables=())
    assert not found.closed
    assert imported().closed


def test_s3_is_reached_by_a_gateway_in_each_closed_subnet_or_by_an_interface_anywhere() -> None:
    assert imported(services=(*SERVICES, "s3"), s3_route_tables=())
    way_out = subnet(1, default_route="nat")
    assert imported(subnets=(subnet(0), way_out), s3_route_tables=TABLES[:1])


def made(settings: ImportedNetwork) -> tuple[Network, dict]:
    import aws_cdk as cdk

    app = cdk.App()
    stack = cdk.Stack(app, "S", env=cdk.Environment(account="111111111111", region="us-east-1"))
    network = Network(stack, "Network", settings=settings, removal=cdk.RemovalPolicy.DESTROY)
    return network, app.synth().stacks[0].template


def test_an_imported_network_is_a_network_and_makes_nothing() -> None:
    network, template = made(imported())
    assert template.get("Resources", {}).keys() <= {"CDKMetadata"}
    assert network.made == ()
    assert [one.subnet_id for one in network.subnets] == [subnet(0).id, subnet(1).id]
    assert (network.vpc.vpc_id, network.nodes.security_group_id) == ("vpc-0123456789abcdef0", GROUP)
    place = network.places()[0]
    assert (place.name, place.subnet.subnet_id, place.zone) == ("Slurm", cluster().subnet.id, "us-east-1a")
    assert (place.room, place.spare) == (2048 - 5 - 20, 2048 - 5 - 20 - 1024)


def test_traffic_that_nobody_logs_is_logged_here_on_request() -> None:
    network, template = made(imported(log_days=30))
    ((_, log),) = resources(template, "AWS::EC2::FlowLog").items()
    assert (log["Properties"]["ResourceId"], log["Properties"]["TrafficType"]) == (network.vpc.vpc_id, "ALL")
    ((_, group),) = resources(template, "AWS::Logs::LogGroup").items()
    assert group["Properties"]["RetentionInDays"] == 30
    assert "FlowLogKey" in group["Properties"]["KmsKeyId"]["Fn::GetAtt"][0]


def test_without_a_group_one_is_made_with_the_three_rules() -> None:
    network, template = made(imported(group=None))
    kinds = [entry["Type"] for entry in template["Resources"].values() if "SecurityGroup" in entry["Type"]]
    assert sorted(kinds) == [f"AWS::EC2::SecurityGroup{end}" for end in ("", "Egress", "Ingress")]
    ((_, group),) = resources(template, "AWS::EC2::SecurityGroup").items()
    assert group["Properties"]["VpcId"] == network.vpc.vpc_id
