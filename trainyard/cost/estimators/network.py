"""Networks: gateways, endpoints, addresses."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.cost.estimators.base import Around, Estimator, Simple, unknown
from trainyard.cost.estimators.properties import items, text
from trainyard.cost.lines import Line
from trainyard.cost.templates import Resource


class NatGateway(Simple):
    """By the hour and by what it carries; its address is billed as one."""

    types = ("AWS::EC2::NatGateway",)
    fixed = (("NAT gateway", "vpc/nat-gateway-hour"),)
    used = (("data through it", "vpc/nat-gateway-gb", "nat_gb_per_month", 1),)


class VpcEndpoint(Estimator):
    """Gateways cost nothing; an interface bills each hour in each zone that it has a subnet in.

    Source: AWS PrivateLink pricing, "for each hour that your VPC endpoint remains provisioned in each Availability
    Zone", read 2026-11-22.
    """

    types = ("AWS::EC2::VPCEndpoint",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        kind = text(resource.properties, "VpcEndpointType", "Gateway")
        if kind == "Gateway":
            return
        if kind != "Interface":
            yield unknown(f"{kind} endpoint", "only prices of interface endpoints are known")
            return
        service = str(resource.properties.get("ServiceName", "")).rpartition("com.amazonaws.")[2]
        zones = len(items(resource.properties, "SubnetIds")) or 1
        name = service.removeprefix(f"{around.template.region}.")
        where = f"{zones} zone{'' if zones == 1 else 's'}"
        yield around.fixed(f"interface endpoint {name}, {where}", "vpc/interface-endpoint-hour", zones)
        carried = around.assumptions["interface_endpoint_gb_per_month"]
        assumed = "interface_endpoint_gb_per_month"
        yield around.use("data through it", "vpc/interface-endpoint-gb", carried, assumed)


class Address(Simple):
    """A public IPv4 address, in use or not."""

    types = ("AWS::EC2::EIP",)
    fixed = (("public IPv4 address", "vpc/public-ipv4-hour"),)
