"""A network that exists is held against the same needs, by its facts."""

from collections.abc import Callable

import pytest
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
SERVICES = ("s3", *(endpoint.service for endpoint in ENDPOINTS))


def rule(direction: str, protocol: str = "-1", peer: str = GROUP) -> GroupRule:
    return GroupRule(direction=direction, protocol=protocol, peer=peer)


RULES = (rule("in"), rule("out"), rule("out", peer="0.0.0.0/0"))


def subnet(index: int, **fields: object) -> ImportedSubnet:
    given = {
        "id": f"subnet-0123456789abcde{index:02}", "zone": f"us-east-1{'abcdef'[index]}", "cidr": f"10.0.{index}.0/24",
        "route_table": f"rtb-0123456789abcde{index:02}", "default_route": "none", "taken": 20,
    }  # fmt: skip
    return ImportedSubnet(**{**given, **fields})


def cluster(**fields: object) -> ImportedCluster:
    given = {"name": "Slurm", "subnet": subnet(0, id="subnet-0123456789abcdef0", cidr="10.0.16.0/21"),
             "nodes": (Nodes(instance_type="ml.p5.48xlarge", count=16),)}  # fmt: skip
    return ImportedCluster(**{**given, **fields})


def imported(**fields: object) -> ImportedNetwork:
    given = {
        "nodes": 16, "efa": True, "vpc_id": "vpc-0123456789abcdef0", "cidrs": ("10.0.0.0/16",), "tenancy": "default",
        "dns_support": True, "dns_hostnames": True, "subnets": (subnet(0), subnet(1)), "clusters": (cluster(),),
        "services": SERVICES, "group": ImportedGroup(id=GROUP, rules=RULES),
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
        (lambda: imported(cidrs=("10.1.0.0/16",)), r"the network has 10\.1\.0\.0/16"),
        (lambda: imported(clusters=(cluster(subnet=subnet(2)),)), "1024 addresses and 231 are left"),
        (lambda: imported(subnets=(subnet(1),)), r"clusters\.subnet\.zone.*endpoints stand in us-east-1b"),
        (lambda: imported(services=("s3", "sts")), "sagemaker.api, sagemaker.runtime, logs.*or give every subnet"),
        (lambda: imported(purposes=(JOBS, EKS_CLUSTER)), "eks, eks-auth, elasticloadbalancing too"),
        (lambda: imported(services=SERVICES[1:]), "calls s3 too"),
        (lambda: subnet(0, default_route="internet-gateway"), "is public.*Take a private subnet"),
        (lambda: subnet(0, cidr="10.0.0.0/8"), "/16 to /28"),
        (lambda: ImportedGroup(id=GROUP, rules=RULES[1:]), "rule of ingress for all traffic with the group itself"),
        (
            lambda: ImportedGroup(id=GROUP, rules=(RULES[0], RULES[2])),
            r"rule of egress.*0\.0\.0\.0/0 does not stand in",
        ),
        (lambda: ImportedGroup(id=GROUP, rules=(rule("in", "tcp"), *RULES[1:])), "rule of ingress for all traffic"),
        (lambda: ImportedGroup(id=GROUP, rules=RULES[:2]), "nothing leaves the group"),
    ],
)
def test_a_fact_that_breaks_a_rule_is_refused_before_anything_is_deployed(make: Callable, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        make()


def test_a_network_with_a_way_out_needs_no_endpoint() -> None:
    open_ = [subnet(index, default_route="nat") for index in range(2)]
    found = imported(subnets=tuple(open_), clusters=(), services=())
    assert not found.closed
    assert imported().closed


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


def test_without_a_group_one_is_made_with_the_three_rules() -> None:
    network, template = made(imported(group=None))
    kinds = [entry["Type"] for entry in template["Resources"].values() if "SecurityGroup" in entry["Type"]]
    assert sorted(kinds) == [f"AWS::EC2::SecurityGroup{end}" for end in ("", "Egress", "Ingress")]
    ((_, group),) = resources(template, "AWS::EC2::SecurityGroup").items()
    assert group["Properties"]["VpcId"] == network.vpc.vpc_id
