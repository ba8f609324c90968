"""Who reaches a file system: its group, the nodes, and what they may ask."""

import pytest
from lustre_scenes import ACCOUNT, file_system, of
from policies import allows


def rules(template: dict, name: str, *, direction: str = "Ingress") -> list[tuple[str, str, tuple[object, object]]]:
    """Rules of one file system: group, peer, ports."""
    peer = {"Ingress": "SourceSecurityGroupId", "Egress": "DestinationSecurityGroupId"}[direction]
    found = [entry["Properties"] for entry in of(template, f"AWS::EC2::SecurityGroup{direction}", name).values()]
    return sorted(
        (one["GroupId"]["Fn::GetAtt"][0], one[peer]["Fn::GetAtt"][0],
         (one.get("FromPort", one["IpProtocol"]), one.get("ToPort", one["IpProtocol"])))
        for one in found
    )  # fmt: skip


def groups(template: dict, name: str) -> tuple[str, str]:
    (own,) = of(template, "AWS::EC2::SecurityGroup", name)
    (nodes,) = of(template, "AWS::EC2::SecurityGroup", "NetworkNodes")
    return own, nodes


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_by_efa_servers_and_nodes_exchange_all_traffic_by_their_groups(template: dict, direction: str) -> None:
    own, nodes = groups(template, "Fast")
    everything = ("-1", "-1")
    expected = sorted([(own, own, everything), (own, nodes, everything), (nodes, own, everything)])
    assert rules(template, "Fast", direction=direction) == expected


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_by_tcp_lustres_ports_are_open_both_ways_and_no_others(template: dict, direction: str) -> None:
    own, nodes = groups(template, "Scratch")
    pairs = [(own, own), (own, nodes), (nodes, own)]
    expected = sorted((*pair, ports) for pair in pairs for ports in ((988, 988), (1018, 1023)))
    assert rules(template, "Scratch", direction=direction) == expected


def test_a_further_group_can_be_let_in(template: dict) -> None:
    (others,) = of(template, "AWS::EC2::SecurityGroup", "Others")
    own, _ = groups(template, "Plain")
    found = {(group, peer) for group, peer, _ in rules(template, "Plain")}
    assert {(own, others), (others, own)} < found


def test_servers_reach_nothing_else(template: dict) -> None:
    (group,) = of(template, "AWS::EC2::SecurityGroup", "Fast").values()
    assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_fsx_finds_all_rules_when_it_makes_the_file_system(template: dict) -> None:
    wanted = {
        *of(template, "AWS::EC2::SecurityGroupIngress", "Fast"),
        *of(template, "AWS::EC2::SecurityGroupEgress", "Fast"),
    }
    assert wanted <= set(file_system(template, "Fast")["DependsOn"])


def test_a_node_may_ask_whether_efa_is_on_and_nothing_more(template: dict) -> None:
    ((_, policy),) = of(template, "AWS::IAM::Policy", "Role").items()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    own = f"arn:aws:fsx:us-east-1:{ACCOUNT}:file-system/fs-0123456789abcdef0"
    assert allows(statements, "fsx:DescribeFileSystems", own)
    assert not allows(statements, "fsx:DeleteFileSystem", own)
