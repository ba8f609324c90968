"""A whole environment in a network that exists."""

import json
from pathlib import Path

import pytest
from synthesis import resources, synthesise

from constructs_lib.network import ImportedCluster, ImportedNetwork, ImportedSubnet
from environments.dev import DEV

CLUSTER_SUBNETS = ("subnet-0123456789abcde10", "subnet-0123456789abcde12")


def subnet(index: int, zone: str, prefix: int = 24) -> ImportedSubnet:
    return ImportedSubnet(
        id=f"subnet-0123456789abcde{index:02}",
        zone=zone,
        cidr=f"10.20.{index}.0/{prefix}",
        route_table=f"rtb-0123456789abcde{index:02}",
        default_route="none",
        taken=20,
    )


@pytest.mark.slow
def test_jobs_endpoints_clusters_and_file_systems_take_it_for_one_of_their_own(tmp_path: Path) -> None:
    own = DEV.network
    slurm, eks = own.clusters
    services = {endpoint.service for purpose in own.purposes for endpoint in purpose.endpoints}
    imported = ImportedNetwork(
        nodes=own.nodes,
        efa=own.efa,
        purposes=own.purposes,
        vpc_id="vpc-0123456789abcdef0",
        cidrs=("10.20.0.0/16",),
        tenancy="default",
        dns_support=True,
        dns_hostnames=True,
        subnets=tuple(subnet(index, zone) for index, zone in enumerate(own.zones)),
        clusters=(
            ImportedCluster(name=slurm.name, subnet=subnet(10, slurm.zone), nodes=slurm.nodes),
            ImportedCluster(name=eks.name, subnet=subnet(12, eks.zone, prefix=23), nodes=eks.nodes),
        ),
        services=tuple(services),
        s3_route_tables=tuple(f"rtb-0123456789abcde{index:02}" for index in (0, 1, 10, 12)),
        log_days=None,
    )
    synthesise([DEV.model_copy(update={"network": imported})], tmp_path)
    templates = [json.loads(path.read_text()) for path in (tmp_path / "assembly-Dev").glob("*.template.json")]
    for kind in ("VPC", "Subnet", "VPCEndpoint"):
        assert not any(resources(template, f"AWS::EC2::{kind}") for template in templates)
    found = [
        entry["Properties"]["SubnetIds"]
        for template in templates
        for entry in resources(template, "AWS::FSx::FileSystem").values()
    ]
    found += [
        entry["Properties"]["VpcConfig"]["Subnets"]
        for template in templates
        for entry in resources(template, "AWS::SageMaker::Cluster").values()
    ]
    # The servers of the file system stand where the nodes of Slurm are.
    assert sorted(found) == [[CLUSTER_SUBNETS[0]], [CLUSTER_SUBNETS[0]], [CLUSTER_SUBNETS[1]]]
    (nag,) = (
        entry
        for entry in json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
        if entry["pluginName"] == "AwsSolutions"
    )
    assert nag["conclusion"] == "success"
