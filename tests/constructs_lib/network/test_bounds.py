"""What no field of a network takes, said with the field's name."""

import pytest

from constructs_lib.network import (
    JOBS,
    ClusterSubnet,
    EgressVpc,
    Endpoint,
    GroupRule,
    ImportedCluster,
    ImportedGroup,
    ImportedNetwork,
    ImportedSubnet,
    Nat,
    NetworkSettings,
    Nodes,
    Purpose,
)
from constructs_lib.values import InvalidValue, Value

NODES = (Nodes(instance_type="ml.p5.48xlarge", count=1),)
SUBNET = {"id": "subnet-0123456789abcde00", "zone": "us-east-1a", "cidr": "10.0.0.0/24",
          "route_table": "rtb-0123456789abcde00", "default_route": "nat", "taken": 3}  # fmt: skip
IMPORTED = ImportedSubnet(**SUBNET)
GIVEN: dict[type[Value], dict[str, object]] = {
    Endpoint: {"id": "Sts", "service": "sts", "reason": "identities"},
    Purpose: {"name": "jobs", "endpoints": ()},
    Nodes: {"instance_type": "ml.p5.48xlarge", "count": 1},
    ClusterSubnet: {"name": "Slurm", "zone": "a", "nodes": NODES},
    Nat: {"zones": ("a",)},
    EgressVpc: {"transit_gateway_id": "tgw-0123456789abcdef0", "destinations": ("0.0.0.0/0",)},
    NetworkSettings: {
        "cidr": "10.0.0.0/16", "availability_zones": ("a",), "nodes": 4, "efa": False, "log_days": 1,
    },
    GroupRule: {"direction": "in", "protocol": "-1", "peer": "10.0.0.0/8"},
    ImportedGroup: {"id": "sg-0123456789abcdef0", "rules": ()},
    ImportedSubnet: SUBNET,
    ImportedCluster: {"name": "Slurm", "subnet": IMPORTED, "nodes": NODES},
    ImportedNetwork: {
        "nodes": 1, "efa": False, "vpc_id": "vpc-0123456789abcdef0", "cidrs": ("10.0.0.0/16",), "tenancy": "default",
        "dns_support": True, "dns_hostnames": True, "subnets": (IMPORTED,), "services": (), "s3_route_tables": (),
        "log_days": None, "purposes": (JOBS,),
    },
}  # fmt: skip
WRONG: tuple[tuple[type[Value], dict[str, tuple[object, ...]]], ...] = (
    (Endpoint, {"id": ("sts",), "service": ("STS",), "reason": ("",), "whole": ("AWS sagemaker",)}),
    (Purpose, {"name": ("Jobs",), "addresses": (-1, 65)}),
    (Nodes, {"count": (0, 6759), "interface": ("none",), "pods": (-1, 738)}),
    (ClusterSubnet, {"name": ("slurm", "S" * 32), "zone": ("",), "nodes": ((),), "others": (-1, 4097)}),
    (Nat, {"zones": ((), ("",))}),
    (EgressVpc, {"transit_gateway_id": ("tgw-1",), "destinations": ((),)}),
    (NetworkSettings, {"availability_zones": ((), tuple("abcdefg")), "nodes": (0, 6759), "log_days": (2,)}),
    (GroupRule, {"direction": ("both",), "protocol": ("all",), "peer": ("", "sg-1")}),
    (ImportedGroup, {"id": ("0123456789abcdef0",)}),
    (ImportedSubnet, {"id": ("subnet-1",), "route_table": ("rtb-1",), "default_route": ("igw",), "taken": (-1,)}),
    (ImportedCluster, {"name": ("slurm",), "nodes": ((),)}),
    (ImportedNetwork, {"vpc_id": ("vpc-1",), "cidrs": ((), tuple(f"10.{n}.0.0/16" for n in range(51))),
                       "tenancy": ("host",), "subnets": ((), (IMPORTED,) * 7), "services": (("STS",),),
                       "s3_route_tables": (("rtb-1",),), "log_days": (2,)}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field", "wrong"),
    [(kind, field, wrong) for kind, fields in WRONG for field, values in fields.items() for wrong in values],
)
def test_a_wrong_value_is_refused_by_its_field_alone(kind: type[Value], field: str, wrong: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        kind(**{**GIVEN[kind], field: wrong})
    (problem,) = caught.value.problems
    assert problem.field.startswith(f"{kind.__name__}.{field}")
