"""A network with a cluster's subnet and a file system in it, from the constructs, on the embedded cloud."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from synthesis import context

from constructs_lib.lustre import LustreFileSystem, LustreSettings, Persistent2, Scratch2
from constructs_lib.lustre.deployment import Deployment
from constructs_lib.network import (
    HYPERPOD,
    JOBS,
    LUSTRE_CLIENTS,
    ClusterSubnet,
    Network,
    NetworkSettings,
    Nodes,
    know_availability_zones,
)
from trainyard.local.readback import Verdict

ZONES = ("us-east-1a", "us-east-1b")


def template(deployment: Deployment) -> dict[str, Any]:
    stack = cdk.Stack(
        cdk.App(context=context()),
        "S",
        env=cdk.Environment(account="123456789012", region="us-east-1"),
        synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    know_availability_zones(stack, ZONES)
    cluster = ClusterSubnet(name="Slurm", zone=ZONES[0], others=4, nodes=(Nodes(instance_type="ml.m5.large", count=4),))
    settings = NetworkSettings(cidr="10.77.0.0/23", availability_zones=ZONES, nodes=17, efa=False, log_days=1,
                               purposes=(JOBS, HYPERPOD, LUSTRE_CLIENTS), clusters=(cluster,))  # fmt: skip
    network = Network(stack, "Network", settings=settings, removal=cdk.RemovalPolicy.DESTROY)
    key = cdk.aws_kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
    files = LustreFileSystem(
        stack, "Files", network=network, place=network.clusters["Slurm"], buckets={}, removal=cdk.RemovalPolicy.DESTROY,
        settings=LustreSettings(deployment=deployment, compression="LZ4", maintenance="7:03:00"),
        key=key if deployment.own_key else None,
    )  # fmt: skip
    cdk.CfnOutput(stack, "Id", value=files.id)
    cdk.CfnOutput(stack, "Mount", value=f"{files.dns_name}@tcp:/{files.mount_name}")
    found: dict[str, Any] = cdk.App.of(stack).synth().stacks[0].template
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "deployment", [Scratch2(capacity_gib=1200), Persistent2(capacity_gib=4800, throughput=1000, efa=True)]
)
def test_what_the_constructs_write_is_applied_and_read_back(deployment: Deployment, stack: Any, client: Any) -> None:
    outputs = stack.deploy(template(deployment))
    assert [str(finding) for finding in stack.read_back().of(Verdict.DIFFERS)] == []
    (found,) = client("fsx").describe_file_systems(FileSystemIds=[outputs["Id"]])["FileSystems"]
    assert outputs["Mount"] == f"{found['DNSName']}@tcp:/{found['LustreConfiguration']['MountName']}"
    assert found["StorageCapacity"] == deployment.file_system()["storage_capacity"]
