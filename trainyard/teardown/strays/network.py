"""What clusters, jobs and functions leave in the network: load balancers, volumes, interfaces.

A Kubernetes controller makes load balancers and volumes for Services and claims, and only it would delete them; it goes
with its cluster. Which are whose says the tag ``kubernetes.io/cluster/NAME: owned`` (load balancers of the AWS Load
Balancer Controller: ``elbv2.k8s.aws/cluster: NAME``; volumes of the EBS CSI driver: ``kubernetes.io/cluster/NAME``).
Source: "Subnet auto-discovery" and the controllers' own documentation, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainyard.teardown.bills import Bill
from trainyard.teardown.holders import Say
from trainyard.teardown.looking import Look
from trainyard.teardown.strays.base import Around, Stray, When

_BATCH = 20
"""Load balancers of one DescribeTags (Elastic Load Balancing API reference, read 2026-11-22)."""


def network(around: Around) -> Iterator[Stray]:
    """Load balancers and volumes of the stacks' clusters, and interfaces in their VPCs that nothing is attached to."""
    clusters = around.of("AWS::EKS::Cluster")
    if clusters:
        yield from _balancers(around, clusters)
        yield from _volumes(around, clusters)
    vpcs = around.of("AWS::EC2::VPC")
    if vpcs:
        wanted = [{"Name": "vpc-id", "Values": vpcs}, {"Name": "status", "Values": ["available"]}]
        for each in around.look.all("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=wanted):
            said = each.get("Description") or "no description"
            yield Interface(what=f"interface {each['NetworkInterfaceId']}", when=When.NETWORK,
                            why=f"left in the network ({said}): a subnet with it cannot be deleted",
                            id=each["NetworkInterfaceId"])  # fmt: skip


def _balancers(around: Around, clusters: list[str]) -> Iterator[Stray]:
    marks = {f"kubernetes.io/cluster/{name}" for name in clusters}
    named = {
        each["LoadBalancerArn"]: each for each in around.look.all("elbv2", "describe_load_balancers", "LoadBalancers")
    }
    arns = list(named)
    for start in range(0, len(arns), _BATCH):
        answer = around.look.client("elbv2").describe_tags(ResourceArns=arns[start : start + _BATCH])
        for found in answer["TagDescriptions"]:
            tags = {each["Key"]: each["Value"] for each in found["Tags"]}
            if marks & set(tags) or tags.get("elbv2.k8s.aws/cluster") in clusters:
                name = named[found["ResourceArn"]]["LoadBalancerName"]
                yield Balancer(what=f"load balancer {name}", when=When.NETWORK, why="of a Service of the cluster",
                               bill=Bill(unknown=1), arn=found["ResourceArn"])  # fmt: skip


def _volumes(around: Around, clusters: list[str]) -> Iterator[Stray]:
    wanted = [{"Name": "tag-key", "Values": [f"kubernetes.io/cluster/{name}" for name in clusters]}]
    for each in around.look.all("ec2", "describe_volumes", "Volumes", Filters=wanted):
        yield Volume(what=f"volume {each['VolumeId']}", why=f"of a claim in the cluster, {each['Size']} GiB", data=True,
                     bill=around.tariff.stored(f"ebs/{each['VolumeType']}-gb-month", each["Size"] * 1e9),
                     when=When.NETWORK, id=each["VolumeId"])  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Interface(Stray):
    """Of the network."""

    id: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("ec2")
        look.unless(("InvalidNetworkInterfaceID.NotFound",),
                    lambda: client.delete_network_interface(NetworkInterfaceId=self.id))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Balancer(Stray):
    """Application or network load balancer."""

    arn: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("elbv2")
        gone = ("LoadBalancerNotFound", "LoadBalancerNotFoundException")
        look.unless(gone, lambda: client.delete_load_balancer(LoadBalancerArn=self.arn))
        client.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[self.arn])


@dataclass(frozen=True, kw_only=True)
class Volume(Stray):
    """Of EBS."""

    id: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("ec2")
        client.get_waiter("volume_available").wait(VolumeIds=[self.id])
        look.unless(("InvalidVolume.NotFound",), lambda: client.delete_volume(VolumeId=self.id))
